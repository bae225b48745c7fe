//! OCA groups (one cancels all): orders of which one's fill cancels or reduces the others.
//! In: members that join, fill and leave. Out: reductions and cancellations. Absent: prices, families.
//!
//! Fills happen one after the other and each reduces the group before the next, so the types that block overfills
//! and the one that does not behave alike here. Children of one parent that close its position and name no group form
//! one of their own that reduces, as TWS does for brackets.

use std::collections::BTreeMap;

use super::exchange::Venue;
use super::families::End;
use super::orders::Slot;
use super::{NewOrder, OcaType, Report};

#[derive(Clone, Debug, Default)]
struct Group {
    /// Live orders, oldest first.
    members: Vec<Slot>,
    /// The last member left because the group had filled: nothing may join any more.
    spent: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    names: BTreeMap<String, usize>,
}

impl Groups {
    /// Whether the group of this order has already done what it was for.
    pub fn is_spent(&self, order: &NewOrder) -> bool {
        let named = order.oca.as_ref().and_then(|(name, _)| self.names.get(name));
        named.is_some_and(|group| self.groups[*group].spent)
    }

    fn add(&mut self) -> usize {
        self.groups.push(Group::default());
        self.groups.len() - 1
    }
}

impl Venue {
    /// Enters an accepted order in the group that it names, or in the bracket of its parent.
    pub(super) fn join_group(&mut self, slot: Slot) {
        let group = match &self.orders[slot].view.order.oca {
            Some((name, _)) => match self.groups.names.get(name) {
                Some(group) => Some(*group),
                None => {
                    let name = name.clone();
                    let group = self.groups.add();
                    self.groups.names.insert(name, group);
                    Some(group)
                }
            },
            None => self.bracket_group(slot),
        };
        if let Some(group) = group {
            self.groups.groups[group].members.push(slot);
            self.groups.groups[group].spent = false;
        }
        self.orders[slot].group = group;
    }

    fn bracket_group(&mut self, slot: Slot) -> Option<usize> {
        let parent = self.orders[slot].parent?;
        let (own, of_parent) = (&self.orders[slot].view.order, &self.orders[parent].view.order);
        if own.symbol != of_parent.symbol || own.side == of_parent.side {
            return None;
        }
        let group = match self.orders[parent].bracket_group {
            Some(group) => group,
            None => self.groups.add(),
        };
        self.orders[parent].bracket_group = Some(group);
        Some(group)
    }

    pub(super) fn leave_group(&mut self, slot: Slot, spent: bool) {
        if let Some(group) = self.orders[slot].group {
            let group = &mut self.groups.groups[group];
            group.members.retain(|member| *member != slot);
            group.spent = spent && group.members.is_empty();
        }
    }

    /// `slot` filled `contracts`: the rest of its group shrinks by as much or is cancelled.
    pub(super) fn reduce_group(&mut self, slot: Slot, contracts: u32, out: &mut Vec<Report>) {
        let Some(group) = self.orders[slot].group else { return };
        let cancels = matches!(self.orders[slot].view.order.oca, Some((_, OcaType::CancelWithBlock)));
        for other in self.groups.groups[group].members.clone() {
            if other == slot || !self.orders[other].live() {
                continue;
            }
            if cancels {
                self.end(other, End { spent: true, ..End::cancelled() }, out);
            } else {
                self.reduce(other, contracts, out);
            }
        }
    }

    fn reduce(&mut self, slot: Slot, contracts: u32, out: &mut Vec<Report>) {
        let entry = &mut self.orders[slot];
        if entry.view.remaining() <= contracts {
            self.end(slot, End { spent: true, ..End::cancelled() }, out);
        } else {
            entry.view.order.quantity -= contracts;
            entry.reduced += contracts;
            out.push(Report::Order(entry.view.perm_id));
        }
    }
}
