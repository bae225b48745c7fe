//! The journal as its users see it: torn at every byte, a full disk, a second process, a tail that never misses.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use engine::books::BooksState;
use engine::journal::{Entry, Mode, Record, SessionInfo, Severity};
use engine::time::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn start(seq: u64) -> Entry {
    let info = SessionInfo {
        id: format!("20231225T230000Z-{seq:04}"),
        mode: Mode::Run,
        instance: "desk".into(),
        account: "DU1".into(),
        instruments: Vec::new(),
        strategies: Vec::new(),
    };
    let record = Record::SessionStarted { info: Box::new(info), books: Box::new(BooksState::default()) };
    Entry { seq, at: Timestamp::from_secs(seq as i64), record }
}

fn note(text: impl Into<String>) -> Record {
    Record::System { severity: Severity::Info, event: "test".into(), actor: "desk".into(), text: text.into() }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn open(dir: &Path) -> JournalDir {
    JournalDir::open(dir).unwrap()
}

/// A journal with one segment of `notes` entries behind its start; gives the whole segment's bytes.
fn written(dir: &Path, notes: usize) -> Vec<u8> {
    let journal = open(dir);
    let first = start(journal.recover().unwrap().next_seq);
    let mut writer = journal.create_segment(&first).unwrap();
    for i in 0..notes {
        writer.append(at(i as i64), note(format!("note {i}"))).unwrap();
    }
    writer.commit().unwrap();
    fs::read(segment_file(dir, writer.position().segment)).unwrap()
}

/// Byte offsets behind each frame of a segment.
fn borders(bytes: &[u8]) -> Vec<usize> {
    let mut frames = Reader::of_segment(bytes).unwrap();
    let mut ends = Vec::new();
    while let Some(entry) = frames.next() {
        entry.unwrap();
        ends.push(frames.consumed());
    }
    ends
}

#[test]
fn a_new_journal_is_empty_and_counts_from_one() {
    let dir = TempDir::new().unwrap();
    let left = open(dir.path()).recover().unwrap();
    assert_eq!((left.entries.len(), left.next_seq, left.run_number, left.torn), (0, 1, 1, None));
}

#[test]
fn what_was_committed_is_recovered_and_numbers_go_on() {
    let dir = TempDir::new().unwrap();
    let journal = open(dir.path());
    let mut writer = journal.create_segment(&start(1)).unwrap();
    assert_eq!(writer.append_now(at(2), note("two")).unwrap(), 2);
    assert_eq!(writer.append(at(3), note("never committed")).unwrap(), 3);
    drop(writer);

    let left = journal.recover().unwrap();
    assert_eq!(left.entries, [start(1), Entry { seq: 2, at: at(2), record: note("two") }]);
    assert_eq!((left.next_seq, left.run_number, left.torn), (3, 2, None));

    let writer = journal.create_segment(&start(3)).unwrap();
    assert_eq!(writer.position().segment, 2);
    assert_eq!(journal.recover().unwrap().entries, [start(3)]);
}

#[test]
fn a_segment_torn_at_any_byte_gives_exactly_the_whole_frames_before_it() {
    let whole_dir = TempDir::new().unwrap();
    let bytes = written(whole_dir.path(), 4);
    let entries = open(whole_dir.path()).recover().unwrap().entries;
    let ends = borders(&bytes);
    for cut in 0..bytes.len() {
        let dir = TempDir::new().unwrap();
        let path = segment_file(dir.path(), 1);
        fs::write(&path, &bytes[..cut]).unwrap();
        let journal = open(dir.path());
        let left = journal.recover().unwrap();
        let whole = ends.iter().filter(|&&end| end <= cut).count();
        assert_eq!(left.entries, entries[..whole], "cut at byte {cut}");
        assert_eq!(left.next_seq, whole as u64 + 1, "cut at byte {cut}");
        let good = ends[..whole].last().copied();
        if good == Some(cut) {
            assert_eq!(left.torn, None, "cut at byte {cut}");
        } else {
            let torn = left.torn.unwrap_or_else(|| panic!("a cut at byte {cut} must be reported"));
            assert_eq!(torn.frames_after, 0);
            assert_eq!(torn.at_byte + torn.dropped_bytes, cut as u64);
            let kept = fs::read(&torn.kept_in).unwrap();
            assert_eq!(kept, bytes[good.unwrap_or(0)..cut], "cut at byte {cut}");
        }
        let again = journal.recover().unwrap();
        assert_eq!((again.entries.len(), again.torn), (whole, None), "a second look finds it clean, cut at byte {cut}");
    }
}

#[test]
fn a_newest_segment_without_a_first_entry_falls_back_to_the_one_before() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), 3);
    for cut in [0, 5, 8, 20] {
        let first = [MAGIC.as_slice(), &[40, 0, 0, 0, 1, 2, 3, 4, 9, 9, 9, 9]].concat();
        fs::write(segment_file(dir.path(), 2), &first[..cut]).unwrap();
        let journal = open(dir.path());
        let left = journal.recover().unwrap();
        assert_eq!((left.entries.len(), left.next_seq, left.run_number), (4, 5, 2));
        assert_eq!(left.torn.map(|t| t.segment), Some(2));
        assert_eq!(journal.segments().unwrap(), [1]);
    }
}

#[test]
fn zeros_that_a_loss_of_power_left_are_a_torn_tail() {
    let dir = TempDir::new().unwrap();
    let bytes = written(dir.path(), 2);
    let mut file = OpenOptions::new().append(true).open(segment_file(dir.path(), 1)).unwrap();
    file.write_all(&[0; 4096]).unwrap();
    let left = open(dir.path()).recover().unwrap();
    let torn = left.torn.unwrap();
    assert_eq!((left.entries.len(), torn.at_byte, torn.dropped_bytes), (3, bytes.len() as u64, 4096));
}

#[test]
fn damage_inside_a_segment_is_told_apart_from_an_unfinished_write() {
    let dir = TempDir::new().unwrap();
    let mut bytes = written(dir.path(), 5);
    let hit = borders(&bytes)[1] + 12;
    bytes[hit] ^= 0x40;
    fs::write(segment_file(dir.path(), 1), &bytes).unwrap();
    let left = open(dir.path()).recover().unwrap();
    assert_eq!(left.entries.len(), 2);
    assert_eq!(left.torn.map(|t| t.frames_after), Some(3));
}

#[test]
fn an_entry_of_another_version_is_an_error_that_names_the_file() {
    let dir = TempDir::new().unwrap();
    let mut bytes = written(dir.path(), 1);
    let (payload, place) = ([0xff; 6], bytes.len());
    bytes.extend(6u32.to_le_bytes());
    bytes.extend(crc32fast::hash(&payload).to_le_bytes());
    bytes.extend(payload);
    fs::write(segment_file(dir.path(), 1), &bytes).unwrap();
    let error = open(dir.path()).recover().unwrap_err().to_string();
    assert!(error.contains("00000001.pbj") && error.contains("another version"), "{error}");
    let error = dump(dir.path()).unwrap().last().unwrap().unwrap_err().to_string();
    assert!(error.contains("another version"), "{error}");
    let mut tail = Tail::new(dir.path(), Position::START);
    assert_eq!(tail.read(100).unwrap().entries.len(), 2);
    let error = tail.read(100).unwrap_err().to_string();
    assert!(error.contains(&format!("the entry at byte {place} has a valid checksum")), "{error}");
}

#[test]
fn a_file_that_is_no_segment_is_refused() {
    let dir = TempDir::new().unwrap();
    fs::write(segment_file(dir.path(), 1), b"once upon a time").unwrap();
    let error = open(dir.path()).recover().unwrap_err().to_string();
    assert!(error.contains("not a journal segment"), "{error}");
}

#[test]
fn a_second_owner_is_refused_and_told_which_folder_and_process() {
    let dir = TempDir::new().unwrap();
    let first = open(dir.path());
    let error = JournalDir::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains(&dir.path().display().to_string()), "{error}");
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    drop(first);
    open(dir.path());
}

#[test]
fn a_journal_keeps_its_name_and_two_journals_differ() {
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let id = open(one.path()).id().to_owned();
    assert_eq!(open(one.path()).id(), id);
    assert_eq!(read_id(one.path()).unwrap(), id);
    assert_ne!(open(two.path()).id(), id);
}

/// A disk with room for so many bytes; a write that does not fit is cut short, as write(2) does.
struct SmallDisk {
    held: Vec<u8>,
    room: usize,
    can_cut: bool,
}

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = bytes.len().min(self.room - self.held.len());
        if fits == 0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.held.extend_from_slice(&bytes[..fits]);
        Ok(fits)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SegmentFile for SmallDisk {
    fn cut_to(&mut self, length: u64) -> io::Result<()> {
        if !self.can_cut {
            return Err(io::Error::other("read-only"));
        }
        self.held.truncate(length as usize);
        Ok(())
    }
}

#[test]
fn a_full_disk_leaves_whole_frames_only_and_loses_nothing_when_there_is_room_again() {
    for room in 0..160 {
        let disk = SmallDisk { held: Vec::new(), room, can_cut: true };
        let mut writer = Writer::over(disk, "full.pbj".into(), 1, 0, 1);
        let mut safe = 0;
        let error = loop {
            match writer.append_now(at(1), note("twenty bytes of text")) {
                Ok(seq) => safe = seq,
                Err(e) => break e,
            }
        };
        assert!(error.to_string().contains("full.pbj"), "{error}");
        let mut frames = Reader::of_frames(&writer.file.held);
        assert_eq!(frames.by_ref().map(|e| e.unwrap().seq).last().unwrap_or(0), safe);
        assert_eq!(frames.consumed(), writer.file.held.len(), "no half frame with room for {room} bytes");
        let waited = writer.append(at(2), note("while it is full")).unwrap();
        assert!(matches!(writer.commit(), Err(WriteError::Io { .. })));
        assert!(writer.is_failing());
        assert_eq!(writer.unsaved(), waited - safe);
        writer.file.room = 1 << 20;
        assert_eq!(writer.append_now(at(3), note("late")).unwrap(), waited + 1);
        assert!(!writer.is_failing());
        assert_eq!(writer.unsaved(), 0);
        let entries: Vec<u64> = Reader::of_frames(&writer.file.held).map(|e| e.unwrap().seq).collect();
        assert_eq!(entries, (1..=waited + 1).collect::<Vec<_>>(), "with room for {room} bytes at first");
    }
}

#[test]
fn what_waits_for_a_full_disk_is_bounded() {
    let disk = SmallDisk { held: Vec::new(), room: 10, can_cut: true };
    let mut writer = Writer::over(disk, "full.pbj".into(), 1, 0, 1);
    writer.append_now(at(1), note("x")).unwrap_err();
    let refused = (0..64).find_map(|_| writer.append(at(1), note("x".repeat(1 << 20))).err()).expect("a bound");
    assert!(matches!(refused, WriteError::GivenUp { .. }), "{refused}");
    let lost = writer.unsaved();
    writer.append(at(1), note("y")).unwrap_err();
    assert_eq!(writer.unsaved(), lost + 1, "what is refused is lost too");
    writer.file.room = 1 << 30;
    assert!(matches!(writer.commit(), Err(WriteError::GivenUp { .. })), "a journal with a hole is not continued");
}

#[test]
fn a_half_frame_that_cannot_be_removed_is_said_so() {
    let disk = SmallDisk { held: Vec::new(), room: 10, can_cut: false };
    let mut writer = Writer::over(disk, "full.pbj".into(), 1, 0, 1);
    writer.append_now(at(1), note("x")).unwrap_err();
    let error = writer.append_now(at(1), note("x")).unwrap_err().to_string();
    assert!(error.contains("could not be removed: read-only"), "{error}");
}

#[test]
fn a_record_too_long_to_write_is_refused_alone() {
    let dir = TempDir::new().unwrap();
    let journal = open(dir.path());
    let mut writer = journal.create_segment(&start(1)).unwrap();
    writer.append_now(at(1), note("x".repeat(17 << 20))).unwrap_err();
    assert_eq!(writer.append_now(at(2), note("short")).unwrap(), 2);
    assert_eq!(journal.recover().unwrap().next_seq, 3);
}

#[test]
fn a_long_buffer_is_written_unasked() {
    let dir = TempDir::new().unwrap();
    let mut writer = open(dir.path()).create_segment(&start(1)).unwrap();
    let before = writer.position();
    writer.append(at(1), note("x".repeat(100_000))).unwrap();
    assert!(writer.position().offset > before.offset + 100_000);
    writer.sync_handle().unwrap().sync_data().unwrap();
}

#[test]
fn a_tail_sees_a_frame_only_when_it_is_whole() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let bytes = written(from.path(), 3);
    let ends = borders(&bytes);
    let mut tail = Tail::new(to.path(), Position::START);
    let mut seen = 0;
    for length in 0..=bytes.len() {
        fs::write(segment_file(to.path(), 1), &bytes[..length]).unwrap();
        // The file is replaced rather than grown, so look with fresh eyes.
        tail = Tail::new(to.path(), tail.position());
        seen += tail.read(100).unwrap().entries.len();
        assert_eq!(seen, ends.iter().filter(|&&end| end <= length).count(), "{length} bytes");
    }
    assert_eq!(tail.behind_bytes().unwrap(), 0);
}

#[test]
fn a_tail_follows_into_the_next_segment_and_its_chunks_join() {
    let dir = TempDir::new().unwrap();
    let journal = open(dir.path());
    let mut tail = Tail::new(dir.path(), Position::START);
    assert!(tail.read(10).unwrap().entries.is_empty());
    let mut writer = journal.create_segment(&start(1)).unwrap();
    let first = tail.read(10).unwrap();
    assert_eq!((first.from, first.to, first.entries.len()), (Position::START, writer.position(), 1));
    writer.append_now(at(1), note("end of the first")).unwrap();
    let mut writer = journal.create_segment(&start(3)).unwrap();
    assert!(tail.behind_bytes().unwrap() > 0);
    let second = tail.read(10).unwrap();
    let third = tail.read(10).unwrap();
    assert_eq!((second.from, second.to.segment), (first.to, 1));
    assert_eq!((third.from, third.to), (second.to, writer.position()));
    assert_eq!(tail.read(10).unwrap().entries.len(), 0);
    writer.append_now(at(4), note("more")).unwrap();
    assert_eq!(tail.read(10).unwrap().entries[0].seq, 4);
    assert_eq!(first_entry(dir.path(), 2).unwrap(), start(3));
}

#[test]
fn a_tail_passes_the_unfinished_end_of_a_segment_that_has_a_successor() {
    let dir = TempDir::new().unwrap();
    let bytes = written(dir.path(), 3);
    fs::write(segment_file(dir.path(), 1), &bytes[..bytes.len() - 3]).unwrap();
    let mut tail = Tail::new(dir.path(), Position::START);
    assert_eq!(tail.read(100).unwrap().entries.len(), 3);
    assert_eq!(tail.read(100).unwrap().entries.len(), 0);
    open(dir.path()).create_segment(&start(5)).unwrap();
    assert_eq!(tail.read(100).unwrap().entries, [start(5)]);
}

#[test]
fn a_tail_reads_entries_longer_than_its_buffer() {
    let dir = TempDir::new().unwrap();
    let mut writer = open(dir.path()).create_segment(&start(1)).unwrap();
    writer.append_now(at(1), note("x".repeat(3 << 20))).unwrap();
    let mut tail = Tail::new(dir.path(), Position::START);
    assert_eq!(tail.read(1).unwrap().entries.len(), 1);
    assert_eq!(tail.read(1).unwrap().entries[0].seq, 2);
}

#[test]
fn a_dump_shows_every_entry_of_every_segment_with_its_place() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), 2);
    written(dir.path(), 1);
    let shown: Vec<(Position, u64)> =
        dump(dir.path()).unwrap().map(|item| item.map(|(place, e)| (place, e.seq)).unwrap()).collect();
    assert_eq!(
        shown.iter().map(|(place, seq)| (place.segment, *seq)).collect::<Vec<_>>(),
        [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5)]
    );
    assert_eq!(shown[0].0.to_string(), "00000001+8");
}

proptest! {
    /// However the writer's commits and the reader's looks fall, the reader gets every entry once and in order.
    #[test]
    fn a_tail_misses_nothing_and_repeats_nothing(steps in proptest::collection::vec((0u8..4, 1usize..5), 1..60)) {
        let dir = TempDir::new().unwrap();
        let journal = open(dir.path());
        let mut writer = journal.create_segment(&start(1)).unwrap();
        let mut tail = Tail::new(dir.path(), Position::START);
        let mut seen = Vec::new();
        for (step, size) in steps {
            match step {
                0 => drop(writer.append(at(0), note("n".repeat(size))).unwrap()),
                1 => writer.commit().unwrap(),
                2 => seen.extend(tail.read(size).unwrap().entries.iter().map(|e| e.seq)),
                _ => {
                    writer.commit().unwrap();
                    writer = journal.create_segment(&start(writer.next_seq())).unwrap();
                    tail = Tail::new(dir.path(), tail.position());
                }
            }
        }
        writer.commit().unwrap();
        loop {
            let chunk = tail.read(3).unwrap();
            if chunk.entries.is_empty() { break }
            seen.extend(chunk.entries.iter().map(|e| e.seq));
        }
        prop_assert_eq!(seen, (1..writer.next_seq()).collect::<Vec<_>>());
        prop_assert_eq!(tail.behind_bytes().unwrap(), 0);
    }
}
