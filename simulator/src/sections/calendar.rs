//! Calendar events, by which jobs are planned: `02:30`, `mon..fri 21:00`, `*/15`, `sat 03:00`, `daily`.
//!
//! Begin with [`Event::parse`] and [`Event::after`]. Times are UTC. Seconds are read and not used: no job of the
//! server runs more often than once a minute.

use chrono::{DateTime, Datelike, Duration, NaiveDate, TimeZone, Timelike, Utc};
use std::collections::BTreeSet;

/// How far ahead the next time is looked for, in days: the 29th of February comes within eight years.
const DAYS_AHEAD_MAX: i64 = 366 * 8 + 2;
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// When something is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// 0 is Monday.
    weekdays: BTreeSet<u32>,
    /// None: every year.
    years: Option<BTreeSet<u32>>,
    months: BTreeSet<u32>,
    days: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    minutes: BTreeSet<u32>,
}

impl Event {
    /// Reads an event; none when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let text = match text.as_str() {
            "minutely" => "*:*",
            "hourly" => "*:00",
            "daily" => "*-*-* 00:00",
            "weekly" => "mon *-*-* 00:00",
            "monthly" => "*-*-01 00:00",
            "yearly" | "annually" => "*-01-01 00:00",
            "quarterly" => "*-1,4,7,10-01 00:00",
            "semiannually" | "semi-annually" => "*-1,7-01 00:00",
            other => other,
        };
        let mut words = text.split_whitespace().peekable();
        let mut event = Self {
            weekdays: (0..7).collect(),
            years: None,
            months: (1..=12).collect(),
            days: (1..=31).collect(),
            hours: BTreeSet::from([0]),
            minutes: BTreeSet::from([0]),
        };
        let mut said = false;
        if let Some(days) = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_alphabetic())) {
            event.weekdays = weekdays(days)?;
            said = true;
        }
        if let Some(date) = words.next_if(|word| word.contains('-')) {
            event.date(date)?;
            said = true;
        }
        if let Some(time) = words.next() {
            event.time(time)?;
            said = true;
        }
        (said && words.next().is_none()).then_some(event)
    }

    /// `YEAR-MONTH-DAY` or `MONTH-DAY`.
    fn date(&mut self, text: &str) -> Option<()> {
        let mut parts: Vec<&str> = text.split('-').collect();
        self.days = numbers(parts.pop()?, 1, 31)?;
        self.months = numbers(parts.pop()?, 1, 12)?;
        self.years = match parts.pop() {
            None | Some("*") => None,
            Some(years) => Some(numbers(years, 1970, 2199)?),
        };
        parts.is_empty().then_some(())
    }

    /// `HOUR:MINUTE[:SECOND]`, or minutes of every hour.
    fn time(&mut self, text: &str) -> Option<()> {
        let mut parts = text.split(':');
        match (parts.next()?, parts.next()) {
            (minutes, None) => {
                self.hours = (0..24).collect();
                self.minutes = numbers(minutes, 0, 59)?;
            }
            (hours, Some(minutes)) => {
                self.hours = numbers(hours, 0, 23)?;
                self.minutes = numbers(minutes, 0, 59)?;
            }
        }
        if let Some(seconds) = parts.next() {
            numbers(seconds, 0, 59)?;
        }
        parts.next().is_none().then_some(())
    }

    /// The first time after this moment, in Unix seconds; none within eight years.
    pub fn after(&self, moment: i64) -> Option<i64> {
        let moment = DateTime::<Utc>::from_timestamp(moment, 0)?;
        let from = moment.with_second(0)? + Duration::minutes(1);
        (0..DAYS_AHEAD_MAX).find_map(|ahead| {
            let day = from.date_naive() + Duration::days(ahead);
            if !self.on(day) {
                return None;
            }
            let begin = if ahead == 0 { (from.hour(), from.minute()) } else { (0, 0) };
            let times =
                self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
            let (hour, minute) = times.into_iter().find(|time| *time >= begin)?;
            let time = day.and_hms_opt(hour, minute, 0)?;
            Some(Utc.from_utc_datetime(&time).timestamp())
        })
    }

    fn on(&self, day: NaiveDate) -> bool {
        let year = u32::try_from(day.year()).unwrap_or(0);
        self.weekdays.contains(&day.weekday().num_days_from_monday())
            && self.years.as_ref().is_none_or(|years| years.contains(&year))
            && self.months.contains(&day.month())
            && self.days.contains(&day.day())
    }
}

/// `mon..fri,sun`.
fn weekdays(text: &str) -> Option<BTreeSet<u32>> {
    let place = |name: &str| {
        let short = name.get(..3).filter(|_| name.len() <= 9)?;
        u32::try_from(WEEKDAYS.iter().position(|day| *day == short)?).ok()
    };
    let mut out = BTreeSet::new();
    for part in text.split(',') {
        match part.split_once("..") {
            Some((from, to)) => {
                let (from, to) = (place(from)?, place(to)?);
                out.extend((from <= to).then_some(from..=to)?);
            }
            None => {
                out.insert(place(part)?);
            }
        }
    }
    Some(out)
}

/// `*`, `5`, `1..5`, `*/15`, `0/2`, `1..20/5`, and lists of them.
fn numbers(text: &str, low: u32, high: u32) -> Option<BTreeSet<u32>> {
    let mut out = BTreeSet::new();
    let number = |text: &str| text.parse::<u32>().ok().filter(|n| (low..=high).contains(n));
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<usize>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once("..") {
            Some((from, to)) => (number(from)?, number(to)?),
            None if range == "*" => (low, high),
            // `5/10` begins at 5 and goes on to the end.
            None => (number(range)?, if step.is_some() { high } else { number(range)? }),
        };
        out.extend((from..=to).step_by(step.unwrap_or(1)));
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::Event;
    use chrono::{DateTime, Utc};

    fn next(event: &str, from: &str) -> Option<String> {
        let from: DateTime<Utc> = format!("{from}:00Z").parse().unwrap();
        let at = Event::parse(event)?.after(from.timestamp())?;
        Some(DateTime::<Utc>::from_timestamp(at, 0)?.format("%Y-%m-%dT%H:%M").to_string())
    }

    #[test]
    fn the_next_time_is_found() {
        // The first of May 2026 is a Friday.
        for (event, from, to) in [
            ("02:30", "2026-05-01T02:29", "2026-05-01T02:30"),
            ("02:30", "2026-05-01T02:30", "2026-05-02T02:30"),
            ("mon..fri 21:00", "2026-05-01T21:00", "2026-05-04T21:00"),
            ("sat 03:00", "2026-05-01T00:00", "2026-05-02T03:00"),
            ("sat,sun 03:00", "2026-05-02T04:00", "2026-05-03T03:00"),
            ("*/15", "2026-05-01T10:14", "2026-05-01T10:15"),
            ("*/15", "2026-05-01T10:45", "2026-05-01T11:00"),
            ("0/2:30", "2026-05-01T22:31", "2026-05-02T00:30"),
            ("8..17:00", "2026-05-01T17:00", "2026-05-02T08:00"),
            ("daily", "2026-12-31T12:00", "2027-01-01T00:00"),
            ("weekly", "2026-05-01T12:00", "2026-05-04T00:00"),
            ("monthly", "2026-05-01T00:00", "2026-06-01T00:00"),
            ("quarterly", "2026-05-01T00:00", "2026-07-01T00:00"),
            ("02-29 01:00", "2026-05-01T00:00", "2028-02-29T01:00"),
            ("sun *-*-1..7 05:00", "2026-05-04T00:00", "2026-06-07T05:00"),
            ("monday 01:00", "2026-05-01T00:00", "2026-05-04T01:00"),
        ] {
            assert_eq!(next(event, from).as_deref(), Some(to), "{event} after {from}");
        }
    }

    #[test]
    fn what_is_no_event_is_not_read() {
        for bad in [
            "",
            "25:00",
            "10:60",
            "noday 01:00",
            "fri..mon 01:00",
            "*/0",
            "1-2-3-4 00:00",
            "01:00 02:00",
            "x",
        ] {
            assert_eq!(Event::parse(bad), None, "{bad}");
        }
        assert_eq!(next("2020-01-01 00:00", "2026-05-01T00:00"), None, "a past year never comes");
    }
}
