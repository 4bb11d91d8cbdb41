//! The findings as text and as JSON.

use serde_json::{Map, Value, json};

use super::facts::Facts;
use super::figure::figures;
use super::finding::{Finding, Severity};
use super::quantity::count;
use crate::printable::printable;

/// Writes a paragraph for each finding, the worst first, and a last line that sums them up.
pub(crate) fn as_text(findings: &[Finding]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut text = String::new();
    for finding in sorted {
        text.push_str(&paragraph(finding));
        text.push_str("\n\n");
    }
    text + &summary(findings)
}

fn paragraph(finding: &Finding) -> String {
    let mut text = format!(
        "{}: {}",
        finding.severity.word(),
        printable(&finding.message)
    );
    for (name, more) in [("detail", &finding.detail), ("hint", &finding.hint)] {
        if let Some(more) = more {
            text.push_str(&format!("\n{name}: {}", printable(more)));
        }
    }
    text
}

fn summary(findings: &[Finding]) -> String {
    let of = |severity| {
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let counts: Vec<String> = [Severity::Problem, Severity::Warning]
        .into_iter()
        .map(|severity| (of(severity), severity.word()))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| count(i64::try_from(number).unwrap_or(i64::MAX), word))
        .collect();
    match counts.is_empty() {
        true => "nothing is wrong".to_owned(),
        false => counts.join(", "),
    }
}

/// Writes findings and figures as one JSON object.
pub(crate) fn as_json(facts: &Facts, findings: &[Finding]) -> String {
    let findings: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.check,
                "severity": finding.severity.word(),
                "message": finding.message,
                "detail": finding.detail,
                "hint": finding.hint,
            })
        })
        .collect();
    let mut all = Map::new();
    for figure in figures(facts) {
        let value = match figure.values.as_slice() {
            [] => Value::Null,
            [(labels, value)] if labels.is_empty() => number(*value),
            labelled => {
                let by_label = labelled.iter().map(|(labels, value)| {
                    let texts: Vec<&str> = labels.iter().map(|(_, text)| text.as_str()).collect();
                    (texts.join(","), number(*value))
                });
                Value::Object(by_label.collect())
            }
        };
        all.insert(figure.name.to_owned(), value);
    }
    let report = json!({"findings": findings, "figures": all});
    format!("{report:#}")
}

/// Whole numbers without a fraction, as counts are.
fn number(value: f64) -> Value {
    value
        .to_string()
        .parse::<i64>()
        .map_or_else(|_| json!(value), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first_and_all_is_summed_up() {
        let findings = [
            Finding::ok("worker", "the worker runs"),
            Finding::problem("queue", "the queue is full")
                .with_detail("By a listener.")
                .with_hint("End it."),
            Finding::warning("large", "a \u{1b}document is large"),
        ];
        insta::assert_snapshot!(as_text(&findings), @r"
        problem: the queue is full
        detail: By a listener.
        hint: End it.

        warning: a \u001bdocument is large

        ok: the worker runs

        1 problem, 1 warning
        ");
    }

    #[test]
    fn nothing_wrong_is_said_so() {
        let findings = [Finding::note("preload", "not preloaded")];
        assert!(as_text(&findings).ends_with("\n\nnothing is wrong"));
    }

    #[test]
    fn json_has_findings_and_figures() {
        let facts = Facts::with(|activity| activity.waiting_age = Some(0.5));
        let text = as_json(&facts, &[Finding::ok("worker", "runs")]);
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["findings"][0]["severity"], "ok");
        assert_eq!(report["figures"]["waiting_age_seconds"], json!(0.5));
        assert_eq!(report["figures"]["table_bytes"]["run"], json!(65_536));
        assert_eq!(report["figures"]["worker_error_age_seconds"], Value::Null);
    }
}
