//! The whole system, through the program that a person starts: each test runs the real `pitboss` in a folder of its own
//! and reads what a person could read: its output, its database, its journal, and what its broker says.
//! Absent: anything that a crate can test alone.

mod again;
mod allocation;
mod analysis;
mod backtests;
mod clients;
mod control;
mod cores;
mod database;
mod disk;
mod doubtful;
mod equality;
mod hanging;
mod honesty;
mod interrupt;
mod kill;
mod kills;
mod many;
mod operator;
mod own_bars;
mod postgres;
mod refusals;
mod replay_day;
mod replay_es;
mod replay_gc;
mod scenarios;
mod shipped;
mod simulation;
mod support;
mod wire_bench;
