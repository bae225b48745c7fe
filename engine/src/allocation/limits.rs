//! What no method may exceed: one budget for strategies that move together, and a cap for each strategy.
//! In: who is judged, weights. Out: groups, weights within caps.

use super::Series;
use super::prepare::Judged;

/// Places in `judged.who`: strategies whose correlation is above `correlation_max`, directly or through others, are one
/// group. In the order of their first members.
pub(super) fn groups(judged: &Judged, correlation_max: f64) -> Vec<Vec<usize>> {
    let correlation = judged.statistics.correlation();
    let mut group_of: Vec<usize> = (0..judged.who.len()).collect();
    for i in 0..judged.who.len() {
        for j in i + 1..judged.who.len() {
            if correlation.at(i, j) > correlation_max && group_of[i] != group_of[j] {
                let (kept, gone) = (group_of[i].min(group_of[j]), group_of[i].max(group_of[j]));
                group_of.iter_mut().filter(|group| **group == gone).for_each(|group| *group = kept);
            }
        }
    }
    let members = |group: usize| group_of.iter().enumerate().filter(move |(_, g)| **g == group).map(|(i, _)| i);
    let groups = (0..judged.who.len()).map(|group| members(group).collect::<Vec<_>>());
    groups.filter(|group| !group.is_empty()).collect()
}

/// The most that each group may have, as part of what is judged.
pub(super) fn group_caps(series: &[Series], judged: &Judged, groups: &[Vec<usize>]) -> Vec<f64> {
    let whole = super::part(judged.who.len(), series.len());
    let cap = |group: &Vec<usize>| group.iter().map(|&i| series[judged.who[i]].cap / whole).sum::<f64>().min(1.0);
    groups.iter().map(cap).collect()
}

/// What to say of a member of a group; empty for one alone.
pub(super) fn explain_group(series: &[Series], judged: &Judged, group: &[usize], correlation_max: f64) -> String {
    if group.len() < 2 {
        return String::new();
    }
    let names: Vec<&str> = group.iter().map(|&i| series[judged.who[i]].name.as_str()).collect();
    format!("; one budget for {}, whose correlation is above {correlation_max}", names.join(" and "))
}

/// Takes what is above a strategy's cap and gives it to the others in proportion to what they have.
pub(super) fn cap(series: &[Series], lines: &mut [(f64, String)]) {
    let mut full = vec![false; lines.len()];
    loop {
        let mut over = 0.0;
        for (i, (weight, why)) in lines.iter_mut().enumerate() {
            let cap = series[i].cap;
            if *weight > cap {
                over += *weight - cap;
                *weight = cap;
                if !std::mem::replace(&mut full[i], true) {
                    why.push_str(&format!("; capped at {cap}"));
                }
            }
        }
        let free: f64 = (0..lines.len()).filter(|&i| !full[i]).map(|i| lines[i].0).sum();
        if over <= 0.0 || free <= 0.0 {
            return;
        }
        for i in (0..lines.len()).filter(|&i| !full[i]) {
            lines[i].0 *= 1.0 + over / free;
        }
    }
}
