//! The figures and findings in the text format of Prometheus, version 0.0.4.

use std::fmt::Write;

use super::facts::Facts;
use super::figure::{Figure, figures};
use super::finding::{Finding, Severity};

/// Writes all figures, and how many findings there are of each severity.
pub(crate) fn metrics(facts: &Facts, findings: &[Finding]) -> String {
    let mut all = figures(facts);
    let versions = |version: &Option<String>| version.clone().unwrap_or_default();
    let library = facts
        .activity
        .as_ref()
        .map(|activity| activity.library_version.clone());
    all.insert(
        0,
        Figure {
            name: "info",
            help: "versions of the library in use and of the extension in the database",
            values: vec![(
                vec![
                    ("library", library.unwrap_or_default()),
                    ("extension", versions(&facts.server.installed)),
                ],
                1.0,
            )],
        },
    );
    all.push(Figure {
        name: "findings",
        help: "findings of runmeta doctor",
        values: Severity::ALL
            .map(|severity| {
                let count = findings
                    .iter()
                    .filter(|finding| finding.severity == severity);
                let label = vec![("severity", severity.word().to_owned())];
                (
                    label,
                    u32::try_from(count.count()).map_or(f64::MAX, f64::from),
                )
            })
            .into(),
    });
    let mut text = String::new();
    for figure in &all {
        write(&mut text, figure);
    }
    text
}

/// Writing to a String does not fail.
fn write(text: &mut String, figure: &Figure) {
    let name = figure.name;
    if figure.values.is_empty() {
        return;
    }
    let _ = writeln!(text, "# HELP runmeta_{name} {}", figure.help);
    let _ = writeln!(text, "# TYPE runmeta_{name} gauge");
    for (labels, value) in &figure.values {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(text, "runmeta_{name}{labels} {value}");
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_has_its_help_and_type_before_its_values() {
        let facts = Facts::with(|activity| activity.waiting_age = Some(1.5));
        let text = metrics(&facts, &[Finding::note("preload", "x")]);
        let mut announced = "";
        for line in text.lines() {
            if let Some(line) = line.strip_prefix("# TYPE ") {
                announced = line.strip_suffix(" gauge").unwrap();
            } else if !line.starts_with("# HELP ") {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert_eq!(name.split('{').next().unwrap(), announced);
                value.parse::<f64>().unwrap();
            }
        }
        assert!(
            text.contains("\nrunmeta_waiting_age_seconds 1.5\n"),
            "{text}"
        );
        assert!(
            text.contains("\nrunmeta_worker_state{state=\"running\"} 1\n"),
            "{text}"
        );
        assert!(text.ends_with(
            "runmeta_findings{severity=\"ok\"} 0\nrunmeta_findings{severity=\"note\"} 1\n\
             runmeta_findings{severity=\"warning\"} 0\nrunmeta_findings{severity=\"problem\"} 0\n"
        ));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let text = metrics(&Facts::healthy(), &[]);
        assert!(!text.contains("worker_error_age_seconds"), "{text}");
    }

    #[test]
    fn label_cannot_end_its_quotes() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
