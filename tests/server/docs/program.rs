//! A program in the language of a driver, which prints where the output of one block ends and that of the next begins.

use std::process::Command;

use crate::harness::{merged_output, repository};

/// No output of a block looks like this.
const END_OF_BLOCK: &str = "=== end of block ===";

/// A language that the blocks of docs/drivers.md are run in.
#[derive(Clone, Copy)]
pub enum Language {
    Python,
    JavaScript,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::Python, Self::JavaScript];

    /// Returns the word behind the fence of a block.
    pub fn fence(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "js",
        }
    }

    /// Makes the environment of its drivers, which takes seconds the first time and then nothing.
    pub fn set_up(self) {
        let script = match self {
            Self::Python => "scripts/python-venv",
            Self::JavaScript => "scripts/node-modules",
        };
        let (output, status) = merged_output(Command::new(repository(script)), "");
        assert!(status.success(), "{script}: {output}");
    }

    fn print(self) -> &'static str {
        match self {
            Self::Python => "print",
            Self::JavaScript => "console.log",
        }
    }

    /// Ends a program whose connections are still open.
    fn exit(self) -> &'static str {
        match self {
            Self::Python => "",
            Self::JavaScript => "process.exit()",
        }
    }

    /// Returns a command that runs the program on its standard input.
    fn interpreter(self) -> Command {
        // A driver that waits for what never comes would stop the whole suite.
        let mut command = Command::new("timeout");
        command.arg("120");
        match self {
            Self::Python => command
                .arg(repository("target/venv/bin/python"))
                // Unbuffered, so that errors stand in their place.
                .args(["-u", "-"]),
            Self::JavaScript => command
                .args(["node", "--input-type=module", "-"])
                // It looks for packages from here.
                .current_dir(repository("target/node")),
        };
        command
    }
}

/// Runs the blocks as one program with these variables in its environment, and returns the output of each.
pub fn run(variables: &[(&str, String)], language: Language, blocks: &[&str]) -> Vec<String> {
    let mut program = String::new();
    for block in blocks {
        program.push_str(block);
        program.push_str(&format!("{}('{END_OF_BLOCK}')\n", language.print()));
    }
    program.push_str(language.exit());
    let output = output(language, &program, variables);
    let end = format!("{END_OF_BLOCK}\n");
    let outputs: Vec<String> = output.split_terminator(&end).map(str::to_owned).collect();
    assert_eq!(outputs.len(), blocks.len(), "{output}");
    outputs
}

/// Runs a program with these variables in its environment, and returns what it prints; it must succeed.
pub fn output(language: Language, program: &str, variables: &[(&str, String)]) -> String {
    let mut command = language.interpreter();
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let (output, status) = merged_output(command, program);
    assert!(status.success(), "{status}:\n{output}");
    output
}
