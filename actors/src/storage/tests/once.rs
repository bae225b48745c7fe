//! Nothing is lost and nothing is doubled: not by crashes between steps, not by lost answers, not by repetition.

use std::sync::Mutex;

use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;
use crate::journal::{Position, Tail, segment_file};
use crate::storage::pg_server;

/// A database whose connection breaks on request: before a write arrives, or after it was done and before the answer.
struct Shaky {
    inner: Arc<dyn Store>,
    next: Mutex<Vec<Trouble>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Trouble {
    None,
    Before,
    After,
    /// The projector is dropped after this step, as when the process dies.
    Crash,
}

impl Store for Shaky {
    fn write(&self, batch: Batch) -> Reply<()> {
        let trouble = self.next.lock().unwrap().pop().unwrap_or(Trouble::None);
        let broken = || Err(StoreError::Unreachable("broken on purpose".to_owned()));
        if trouble == Trouble::Before {
            return Box::pin(async move { broken() });
        }
        let write = self.inner.write(batch);
        Box::pin(async move {
            write.await?;
            if trouble == Trouble::After { broken() } else { Ok(()) }
        })
    }
    fn url(&self) -> &str {
        self.inner.url()
    }
    fn is_gone(&self) -> bool {
        self.inner.is_gone()
    }
    fn projected(&self, journal_id: &str) -> Reply<Option<Projected>> {
        self.inner.projected(journal_id)
    }
    fn session_name(&self, journal_id: &str, wanted: &str) -> Reply<String> {
        self.inner.session_name(journal_id, wanted)
    }
    fn sessions(&self) -> Reply<Vec<SessionRow>> {
        self.inner.sessions()
    }
    fn session(&self, id: &str) -> Reply<Option<SessionRow>> {
        self.inner.session(id)
    }
    fn counts(&self, id: &str) -> Reply<Counts> {
        self.inner.counts(id)
    }
    fn signals(&self, id: &str) -> Reply<Vec<SignalRow>> {
        self.inner.signals(id)
    }
    fn orders(&self, id: &str) -> Reply<Vec<OrderWithExecutions>> {
        self.inner.orders(id)
    }
    fn executions(&self, id: &str) -> Reply<Vec<ExecutionRow>> {
        self.inner.executions(id)
    }
    fn positions(&self, id: &str) -> Reply<Vec<PositionRow>> {
        self.inner.positions(id)
    }
    fn bar_qualities(&self, id: &str) -> Reply<Vec<QualityCount>> {
        self.inner.bar_qualities(id)
    }
    fn bars(&self, query: BarQuery) -> Reply<Vec<BarRow>> {
        self.inner.bars(query)
    }
    fn performance(&self, id: &str) -> Reply<Vec<PerformanceRow>> {
        self.inner.performance(id)
    }
    fn strategy_performance(&self, id: &str) -> Reply<Vec<StrategyPerformanceRow>> {
        self.inner.strategy_performance(id)
    }
    fn performance_between(&self, from: NaiveDate, to: NaiveDate) -> Reply<Vec<PerformanceRow>> {
        self.inner.performance_between(from, to)
    }
    fn events(&self, id: &str) -> Reply<Vec<EventRow>> {
        self.inner.events(id)
    }
    fn info(&self) -> Reply<Vec<(String, String)>> {
        self.inner.info()
    }
}

/// Records about few things, so that they meet: none is a session's start.
fn some_record() -> impl Strategy<Value = Record> {
    let id = 1u64..4;
    prop_oneof![
        (0i64..4, 20_000i32..20_005).prop_map(|(minute, close)| Record::Bar(bar(minute, close))),
        (0i64..4, 20_000i32..20_005).prop_map(|(minute, close)| Record::BarRevised(bar(minute, close))),
        Just(signal(Intent::CancelEntries, Verdict::Approved { order: None })),
        (id.clone(), 19_000i32..19_003).prop_map(|(id, stop)| {
            Record::OrderPlaced(OrderTicket {
                order_id: BrokerOrderId(stop),
                ..ticket(id, Leg::Stop, OrderKind::Stop(Price(stop)))
            })
        }),
        (id.clone(), 0usize..8, prop_oneof![Just(""), Just("399"), Just("202")]).prop_map(|(id, state, note)| change(
            id,
            State::ALL[state],
            state as u32,
            note
        )),
        (id.clone(), id.clone()).prop_map(|(exec, order)| fill(exec, order, 20_000)),
        (id, 1i64..9).prop_map(|(exec, micros)| commission(exec, micros)),
        (-2i64..3).prop_map(|quantity| Record::Position(position(quantity, quantity * 20_000))),
        (20231226u32..20231228, 0u32..3).prop_map(|(trade_date, n)| Record::Performance {
            strategy: None,
            trade_date,
            totals: performance(n, 5)
        }),
        Just(system("x")),
        Just(Record::SessionEnded { cause: "asked to".into() }),
    ]
}

fn some_trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        3 => Just(Trouble::None),
        1 => Just(Trouble::Before),
        1 => Just(Trouble::After),
        1 => Just(Trouble::Crash)
    ]
}

/// Projects the journal with small steps and with trouble, and repeats every chunk that has been written.
async fn project_with_trouble(desk: &Desk, inner: Arc<dyn Store>, steps: &[(usize, Trouble)]) {
    let shaky = Arc::new(Shaky { inner, next: Mutex::new(Vec::new()) });
    let store: Arc<dyn Store> = shaky.clone();
    let mut projector = desk.projector(&store, 1);
    for &(rows, trouble) in steps.iter().cycle() {
        if rows != 1 || trouble == Trouble::Crash {
            projector = desk.projector(&store, rows);
        }
        *shaky.next.lock().unwrap() = vec![trouble];
        match projector.step().await {
            Ok(progress) if progress.entries == 0 && progress.behind_bytes == 0 => break,
            Ok(_) => {}
            Err(StepError::Store(StoreError::Unreachable(_))) => {}
            Err(e) => panic!("{e}"),
        }
        shaky.next.lock().unwrap().clear();
        let again = Tail::new(desk.journal.path(), Position::START).read(3).unwrap();
        match projector.project(&again).await {
            // Whether it was new depends on the trouble; that it was not written twice, the comparison shows.
            Ok(_) | Err(StepError::Store(StoreError::Superseded { .. })) => {}
            Err(e) => panic!("{e}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn however_it_is_cut_and_broken_the_tables_are_those_of_a_straight_run(
        runs in proptest::collection::vec(proptest::collection::vec(some_record(), 0..14), 1..4),
        mut steps in proptest::collection::vec((1usize..6, some_trouble()), 1..20),
    ) {
        // Trouble ends at last.
        steps.push((2, Trouble::None));
        let mut desk = Desk::new();
        for records in runs {
            desk.start().write(records);
        }
        let (straight, troubled) = run(async {
            let straight = open(&format!("sqlite:{}", desk.dir.path().join("a.db").display()), OPTIONS).await.unwrap();
            let troubled = open(&format!("sqlite:{}", desk.dir.path().join("b.db").display()), OPTIONS).await.unwrap();
            drain(&mut desk.projector(&straight, 10_000)).await;
            project_with_trouble(&desk, troubled.clone(), &steps).await;
            (show(&straight).await, show(&troubled).await)
        });
        prop_assert_eq!(straight, troubled);
    }
}

#[test]
fn what_is_in_the_tables_is_not_written_again() {
    let mut desk = Desk::new();
    desk.start().write(day());
    run(async {
        let store = open(&sqlite_url(desk.dir.path()), OPTIONS).await.unwrap();
        drain(&mut desk.projector(&store, 5)).await;
        let before = show(&store).await;
        let mut projector = desk.projector(&store, 5);
        let mut tail = Tail::new(desk.journal.path(), Position::START);
        loop {
            let chunk = tail.read(4).unwrap();
            if chunk.entries.is_empty() {
                break;
            }
            assert_eq!(projector.project(&chunk).await.unwrap(), 0);
        }
        assert_eq!(drain(&mut projector).await, 0);
        assert_eq!(show(&store).await, before);
    });
}

async fn race(url: &str) {
    let mut desk = Desk::new();
    desk.start().write(day());
    let store = open(url, OPTIONS).await.unwrap();
    let (mut one, mut two) = (desk.projector(&store, 4), desk.projector(&store, 4));
    // Both know where the database is, then both write the same entries.
    let (first, second) = (one.step().await.unwrap(), two.step().await.unwrap());
    assert_eq!((first.entries, second.entries), (4, 4));
    let late = one.step().await.unwrap_err();
    assert!(matches!(late, StepError::Store(StoreError::Superseded { .. })), "{late}");
    assert!(late.to_string().contains("has read the journal up to 00000001+"), "{late}");
    drain(&mut one).await;
    assert_eq!(show(&store).await[0].counts.signals, 3);
}

#[test]
fn of_two_writers_the_later_one_is_told_and_nothing_is_doubled() {
    let dir = TempDir::new().unwrap();
    run(race(&sqlite_url(dir.path())));
    if let Some(server) = pg_server::shared() {
        run(race(&server.new_database()));
    }
}

#[test]
fn on_postgresql_trouble_changes_nothing_either() {
    let Some(server) = pg_server::shared() else { return };
    let mut desk = Desk::new();
    desk.start().write(day());
    desk.start().write(day());
    let steps = [
        (3, Trouble::After),
        (2, Trouble::Before),
        (5, Trouble::Crash),
        (1, Trouble::None),
        (4, Trouble::Crash),
        (1, Trouble::After),
    ];
    let (straight, troubled) = run(async {
        let straight = open(&server.new_database(), OPTIONS).await.unwrap();
        let troubled = open(&server.new_database(), OPTIONS).await.unwrap();
        drain(&mut desk.projector(&straight, 10_000)).await;
        project_with_trouble(&desk, troubled.clone(), &steps).await;
        (show(&straight).await, show(&troubled).await)
    });
    assert_eq!(straight.len(), 2);
    assert_eq!(straight, troubled);
}

#[test]
fn entries_that_a_loss_of_power_took_from_the_journal_are_reported_not_mixed_up() {
    let mut desk = Desk::new();
    desk.start().write([system("one"), system("two")]);
    run(async {
        let store = open(&sqlite_url(desk.dir.path()), OPTIONS).await.unwrap();
        drain(&mut desk.projector(&store, 100)).await;
        // The disk forgot the last entry; the database did not.
        let file = std::fs::File::options().write(true).open(segment_file(desk.journal.path(), 1)).unwrap();
        file.set_len(file.metadata().unwrap().len() - 5).unwrap();
        let left = desk.journal.recover().unwrap();
        assert_eq!(left.next_seq, 3);
        let first = Entry { seq: left.next_seq, at: at(50), record: start(2) };
        let mut writer = desk.journal.create_segment(&first).unwrap();
        writer.append_now(at(51), system("three")).unwrap();
        assert_eq!(drain(&mut desk.projector(&store, 100)).await, 2);
        let events = store.events("20231225T230000Z-0002").await.unwrap();
        let events: Vec<_> = events.iter().map(|e| (e.event.as_str(), e.text.as_str())).collect();
        let lost = "the journal lost entries 3 to 3, which are in the tables";
        assert_eq!(events, [("storage.rewound", lost), ("actor.restarted", "three")]);
    });
}

#[test]
fn a_hole_in_the_journal_is_an_event() {
    let mut desk = Desk::new();
    desk.start().write([system("one")]);
    desk.start().write([system("lost")]);
    desk.start().write([system("three")]);
    run(async {
        let store = open(&sqlite_url(desk.dir.path()), OPTIONS).await.unwrap();
        let mut projector = desk.projector(&store, 2);
        projector.step().await.unwrap();
        std::fs::remove_file(segment_file(desk.journal.path(), 2)).unwrap();
        drain(&mut projector).await;
        let events = store.events("20231225T230000Z-0003").await.unwrap();
        let events: Vec<_> = events.iter().map(|e| (e.seq, e.event.as_str(), e.text.as_str())).collect();
        let gap = (3, "storage.gap", "entries 3 to 4 are not in the journal");
        assert_eq!(events, [gap, (6, "actor.restarted", "three")]);
    });
}

#[test]
fn two_journals_share_a_database_even_when_their_sessions_have_one_name() {
    let (mut one, mut two) = (Desk::new(), Desk::new());
    one.start().write(day());
    two.start().write(day());
    run(async {
        let store = open(&sqlite_url(one.dir.path()), OPTIONS).await.unwrap();
        drain(&mut one.projector(&store, 3)).await;
        // Small steps: each finds the name again from the middle of the segment.
        let mut left = usize::MAX;
        while left > 0 {
            left = two.projector(&store, 3).step().await.unwrap().entries;
        }
        let shown = show(&store).await;
        let names: Vec<_> = shown.iter().map(|s| s.session.session_id.as_str()).collect();
        assert_eq!(names, ["20231225T230000Z-0001.2", "20231225T230000Z-0001"]);
        assert_eq!(shown[0].counts, shown[1].counts);
    });
}

#[test]
fn an_entry_that_cannot_be_a_row_stops_the_projection_and_is_named() {
    let mut desk = Desk::new();
    desk.start().write([Record::Bar(Bar { symbol: SymbolId(7), ..bar(0, 20_000) })]);
    run(async {
        let store = open(&sqlite_url(desk.dir.path()), OPTIONS).await.unwrap();
        let error = desk.projector(&store, 10).step().await.unwrap_err().to_string();
        assert_eq!(error, "entry 2 names symbol 7, which session 20231225T230000Z-0001 does not have");
        assert!(store.sessions().await.unwrap().is_empty());
    });
}

#[test]
fn a_reply_that_nobody_waits_for_is_no_half_transaction() {
    let mut desk = Desk::new();
    desk.start().write((0..400).map(|i| Record::Bar(bar(i, 20_000))));
    run(async {
        let store = open(&sqlite_url(desk.dir.path()), OPTIONS).await.unwrap();
        for micros in 0..60 {
            let mut projector = desk.projector(&store, 40);
            // Gives up at many different moments of the step.
            drop(tokio::time::timeout(std::time::Duration::from_micros(micros * 150), projector.step()).await);
        }
        // The last one may still be writing; then this step comes too late and the next one does not.
        let mut projector = desk.projector(&store, 40);
        loop {
            match projector.step().await {
                Ok(progress) if progress.entries == 0 => break,
                Ok(_) | Err(StepError::Store(StoreError::Superseded { .. })) => {}
                Err(e) => panic!("{e}"),
            }
        }
        assert_eq!(show(&store).await[0].counts.bars, 400);
    });
}
