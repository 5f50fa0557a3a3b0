//! The results as text: for the terminal, and as `docs/benchmarks.md`.

use crate::{
    plan::{Figure, GOALS, Store, Wanted, Workload},
    results::{Finding, Results, Spread, limit_name},
};
use std::fmt::Write;

const TEMPLATE: &str = include_str!("benchmarks.md");

/// The whole page.
pub fn page(results: &Results) -> String {
    TEMPLATE
        .replace("{{machine}}", &pairs(&results.machine))
        .replace("{{server}}", &pairs(&results.server))
        .replace("{{sizes}}", &sizes(results))
        .replace("{{goals}}", &goals(results))
        .replace("{{figures}}", &figures(results))
        .replace("{{loads}}", &loads(results))
}

/// The same figures for the terminal.
pub fn summary(results: &Results) -> String {
    format!("{}\n{}\nload before each round: {}\n", goals(results), figures(results), loads(results))
}

fn pairs(pairs: &[(String, String)]) -> String {
    let lines: Vec<String> = pairs.iter().map(|(name, value)| format!("- {name}: {value}")).collect();
    lines.join("\n")
}

fn sizes(results: &Results) -> String {
    let sizes = &results.sizes;
    format!(
        "{} rounds; {} events in the log that is read; W1 to W4 {} s each, R1 {} s, L1 {} s; P1 of the peers was stopped \
         {} s after its first event.",
        results.rounds.len(),
        grouped(sizes.events as f64),
        sizes.write_seconds,
        sizes.load_seconds,
        sizes.live_seconds,
        sizes.rebuild_seconds
    )
}

fn loads(results: &Results) -> String {
    let loads: Vec<String> = results.rounds.iter().map(|round| format!("{:.2}", round.load)).collect();
    loads.join(", ")
}

fn goals(results: &Results) -> String {
    let mut table = "| comparison | ratio (min … max) | goal | |\n| --- | --- | --- | --- |\n".to_owned();
    for finding in GOALS.iter().filter_map(|goal| results.finding(goal)) {
        let Spread { median, least, most } = finding.ratio;
        let goal = match finding.wanted {
            Some(Wanted::AtLeast(least)) => format!("≥ {least}"),
            Some(Wanted::AtMost(most)) => format!("≤ {most}"),
            None => String::new(),
        };
        let verdict = verdict(&finding);
        let _ = writeln!(
            table,
            "| {} | {median:.2} ({least:.2} … {most:.2}) | {goal} | {verdict} |",
            finding.what
        );
    }
    table
}

fn verdict(finding: &Finding) -> String {
    match (finding.met(), finding.margin()) {
        (Some(true), Some(margin)) => format!("met, by {:.0} %", margin.abs() * 100.0),
        (Some(false), Some(margin)) => format!("**missed, by {:.0} %**", margin.abs() * 100.0),
        _ => String::new(),
    }
}

fn figures(results: &Results) -> String {
    let mut table = "| workload | store | median | min … max | p50 ms | p99 ms |\n| --- | --- | --- | --- | --- | --- |\n".to_owned();
    for workload in Workload::ALL {
        for store in Store::ALL {
            let Some(Spread { median, least, most }) = results.spread(workload, store, Figure::Value) else {
                continue;
            };
            let name = match store {
                Store::Limit => limit_name(workload),
                Store::MycopodPlain => "mycopod without encryption and chain",
                store => store.name(),
            };
            let unit = if workload == Workload::L1 { "ms" } else { "events/s" };
            let number = |value: f64| if unit == "ms" { format!("{value:.2}") } else { grouped(value) };
            let _ = writeln!(
                table,
                "| {} {} | {name} | {} {unit} | {} … {} | {} | {} |",
                workload.name().to_uppercase(),
                workload.meaning(),
                number(median),
                number(least),
                number(most),
                detail(results, workload, store, "p50_ms"),
                detail(results, workload, store, "p99_ms"),
            );
        }
    }
    table
}

/// The median of a further figure, if there is one.
fn detail(results: &Results, workload: Workload, store: Store, name: &str) -> String {
    let turns = results.rounds.iter().flat_map(|round| &round.turns);
    let values = turns
        .filter(|turn| turn.workload == workload && turn.store == store)
        .filter_map(|turn| turn.outcome.details.get(name).copied());
    Spread::of(values.collect()).map_or_else(String::new, |spread| format!("{:.2}", spread.median))
}

/// Whole, with commas between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::Sizes,
        results::{Round, Turn},
    };
    use bench_core::outcome::Outcome;
    use std::time::Duration;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(["0", "999", "1,000", "12,345,678"], [0.0, 999.4, 1000.0, 12_345_678.0].map(grouped)[..]);
    }

    #[test]
    fn the_page_tells_what_was_missed_and_leaves_no_gap() {
        let turn = |store, count| Turn {
            workload: Workload::W1,
            store,
            outcome: Outcome::rate("w1", "events", count, Duration::from_secs(1)),
        };
        let turns = vec![turn(Store::Mycopod, 1_200), turn(Store::Esrs, 1_000)];
        let rounds = vec![Round { load: 0.5, turns }];
        let results = Results { machine: vec![], server: vec![], sizes: Sizes::FULL, rounds };
        let page = page(&results);
        assert!(page.contains("| W1 × esrs | 1.20 (1.20 … 1.20) | ≥ 1.6 | **missed, by 25 %** |"), "{page}");
        assert!(page.contains("1,200 events/s") && !page.contains("{{"), "{page}");
    }
}
