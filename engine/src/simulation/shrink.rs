//! A failing plan made small. In: the plan and a way to try one. Out: a plan from which nothing can be left out.
//! Absent: playing it.

use super::plan::Plan;

/// Leaves out halves, quarters and at last single faults for as long as `fails` still says so.
pub fn shrink(plan: &Plan, mut fails: impl FnMut(&Plan) -> bool) -> Plan {
    let mut best = plan.clone();
    let mut chunk = best.faults.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        let mut smaller = false;
        while at < best.faults.len() {
            let mut tried = best.clone();
            let end = (at + chunk).min(tried.faults.len());
            tried.faults.drain(at..end);
            if fails(&tried) {
                best = tried;
                smaller = true;
            } else {
                at += chunk;
            }
        }
        if chunk == 1 && !smaller {
            return best;
        }
        chunk = if chunk == 1 { 1 } else { chunk.div_ceil(2) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::draw::draw;
    use super::*;

    #[test]
    fn only_what_is_needed_is_left() {
        let plan = draw(3, 900_000);
        let needed = [plan.faults[4].clone(), plan.faults[17].clone()];
        let small = shrink(&plan, |tried| needed.iter().all(|fault| tried.faults.contains(fault)));
        assert_eq!(small.faults, needed);
    }
}
