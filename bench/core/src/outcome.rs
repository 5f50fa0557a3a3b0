//! What one run of one workload found, and how it is printed.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// One measurement. `--json` prints it as one line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub store: String,
    /// `w1`, `r2`, `limit-unnest` …
    pub workload: String,
    /// The figure that is compared.
    pub value: f64,
    /// `events/s` (more is better) or `ms` (less is better).
    pub unit: String,
    /// Work done, in events, appends or rows.
    pub count: u64,
    pub seconds: f64,
    /// Further figures, by name: `p50_ms`, `conflicts` …
    #[serde(default)]
    pub details: BTreeMap<String, f64>,
}

impl Outcome {
    /// Something done `count` times in `took`, in `unit` per second.
    pub fn rate(workload: &str, unit: &str, count: u64, took: Duration) -> Self {
        Self {
            store: String::new(),
            workload: workload.into(),
            value: count as f64 / took.as_secs_f64(),
            unit: format!("{unit}/s"),
            count,
            seconds: took.as_secs_f64(),
            details: BTreeMap::new(),
        }
    }

    pub fn of(mut self, store: &str) -> Self {
        self.store = store.into();
        self
    }

    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.details.insert(name.into(), value);
        self
    }

    /// Adds the median and the 99th percentile of `latencies`, in milliseconds.
    pub fn with_latencies(self, latencies: &mut [Duration]) -> Self {
        latencies.sort_unstable();
        self.with("p50_ms", percentile(latencies, 50)).with("p99_ms", percentile(latencies, 99))
    }

    pub fn print(&self, json: bool) {
        if json {
            match serde_json::to_string(self) {
                Ok(line) => println!("{line}"),
                Err(error) => eprintln!("this outcome cannot be written as JSON: {error}"),
            }
            return;
        }
        print!(
            "{} {}: {:.1} {} ({} in {:.2} s",
            self.store, self.workload, self.value, self.unit, self.count, self.seconds
        );
        self.details.iter().for_each(|(name, value)| print!(", {name} {value:.3}"));
        println!(")");
    }
}

/// The value below which `percent` of the sorted values lie, in milliseconds; 0 of nothing.
pub fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).map_or(0.0, |found| found.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 50), 100.0);
        assert_eq!(percentile(&sorted, 99), 198.0);
        assert_eq!(percentile(&sorted[..1], 99), 1.0);
        assert_eq!(percentile(&[], 99), 0.0);
    }
}
