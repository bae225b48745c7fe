//! Who can be judged: enough days, some movement, and enough days in common. In: settings, series. Out: statistics of
//! those, and a reason for each of the others. Nobody is judged by days that were not lived.

use super::matrix::Statistics;
use super::{Series, Settings};

/// Movement below this part of the mean size of a day is none: the rest is rounding.
const MOVEMENT_MIN: f64 = 1e-12;

/// Who is judged and who is not.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// Places in the list of series of those that are judged.
    pub(super) who: Vec<usize>,
    /// Their days in common, oldest first, a column each.
    pub(super) columns: Vec<Vec<f64>>,
    pub(super) statistics: Statistics,
    /// For each series, why it is not judged.
    pub(super) aside: Vec<Option<String>>,
    pub(super) notes: Vec<String>,
}

pub(super) fn judge(settings: &Settings, series: &[Series]) -> Judged {
    let least = settings.history_days_min.max(2);
    let window: Vec<&[Option<f64>]> = series.iter().map(|s| newest(&s.days, settings.lookback_days)).collect();
    let mut aside: Vec<Option<String>> = window.iter().map(|days| why_not(days, least)).collect();
    loop {
        let who: Vec<usize> = (0..series.len()).filter(|&i| aside[i].is_none()).collect();
        let columns = in_common(&window, &who);
        let days = columns.first().map_or(0, Vec::len);
        let out = match who.iter().position(|&i| is_still(&columns, &who, i)) {
            _ if who.is_empty() => None,
            // Whoever has the fewest days keeps the others from being compared.
            _ if days < least => {
                let fewest = who.iter().copied().min_by_key(|&i| (lived(window[i]), i)).expect("somebody is there");
                Some((fewest, format!("only {days} days in common with the others, {least} are needed")))
            }
            Some(at) => Some((who[at], "no movement on the days in common with the others".to_owned())),
            None => None,
        };
        let Some((i, why)) = out else {
            let names = who.iter().map(|&i| series[i].name.clone()).collect();
            let statistics = Statistics::of(names, &columns);
            let notes = notes(series, &aside);
            return Judged { who, columns, statistics, aside: told(aside, series.len()), notes };
        };
        aside[i] = Some(why);
    }
}

fn newest(days: &[Option<f64>], most: usize) -> &[Option<f64>] {
    &days[days.len().saturating_sub(most)..]
}

fn lived(days: &[Option<f64>]) -> usize {
    days.iter().flatten().count()
}

fn why_not(days: &[Option<f64>], least: usize) -> Option<String> {
    let lived = lived(days);
    if lived < least {
        return Some(format!("only {lived} days of history, {least} are needed"));
    }
    if days.iter().flatten().any(|day| !day.is_finite()) {
        return Some("a day that is not a number".to_owned());
    }
    let days: Vec<f64> = days.iter().flatten().copied().collect();
    (!moves(&days)).then(|| "it earned the same every day: no variance".to_owned())
}

fn moves(days: &[f64]) -> bool {
    let mean = days.iter().sum::<f64>() / days.len() as f64;
    let size = days.iter().map(|day| day.abs()).fold(0.0, f64::max);
    days.iter().any(|day| (day - mean).abs() > MOVEMENT_MIN * size)
}

fn is_still(columns: &[Vec<f64>], who: &[usize], i: usize) -> bool {
    who.iter().position(|&other| other == i).is_some_and(|at| !moves(&columns[at]))
}

/// A column each of the days on which all of `who` ran.
fn in_common(window: &[&[Option<f64>]], who: &[usize]) -> Vec<Vec<f64>> {
    let days = who.first().map_or(0, |&i| window[i].len());
    let all = |&day: &usize| who.iter().all(|&i| window[i].get(day).is_some_and(Option::is_some));
    let common: Vec<usize> = (0..days).filter(all).collect();
    let column = |&i: &usize| common.iter().filter_map(|&day| window[i][day]).collect();
    who.iter().map(column).collect()
}

fn notes(series: &[Series], aside: &[Option<String>]) -> Vec<String> {
    let told = series.iter().zip(aside).filter_map(|(s, why)| Some(format!("{}: {}", s.name, why.as_ref()?)));
    told.collect()
}

fn told(aside: Vec<Option<String>>, n: usize) -> Vec<Option<String>> {
    aside.into_iter().map(|why| why.map(|why| format!("{why}; an equal part, one of {n}"))).collect()
}

/// The same with every group as one: the mean of its members' days.
pub(super) fn grouped(judged: &Judged, groups: &[Vec<usize>]) -> Statistics {
    if groups.iter().all(|group| group.len() == 1) {
        return judged.statistics.clone();
    }
    let name = |group: &Vec<usize>| {
        let names: Vec<&str> = group.iter().map(|&i| judged.statistics.names[i].as_str()).collect();
        names.join(" & ")
    };
    let days = judged.columns.first().map_or(0, Vec::len);
    let mean = |group: &Vec<usize>| -> Vec<f64> {
        let of_day = |day: usize| group.iter().map(|&i| judged.columns[i][day]).sum::<f64>() / group.len() as f64;
        (0..days).map(of_day).collect()
    };
    Statistics::of(groups.iter().map(name).collect(), &groups.iter().map(mean).collect::<Vec<_>>())
}
