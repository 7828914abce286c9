//! What looks remember of trials that ended for good, in one file of the sweep, so that the next look costs what changed
//! since. A cache: whoever finds none, a damaged one or one of another release reads the records. It must never be the
//! only place of anything, and never hold a trial of which a file may still change.

use std::fs;

use sweep_core::id::JobName;
use sweep_core::layout::{RecordName, SweepDir};
use sweep_core::record::{Kind, Record, Source};
use sweep_core::schema::{self, BINARY_HEADER_LEN};
use sweep_core::state::{Bucket, TrialState};
use sweep_core::status::Status;

use super::known::{Batches, Place};
use super::packed::{Reader, Writer};
use super::scene::Finding;
use crate::driver::files;

/// The first 8 bytes of the file.
const MAGIC: [u8; 8] = *b"SWEEPLOK";
/// Bytes before the packed part: the header, and the CRC-32 of what follows.
const BODY: usize = BINARY_HEADER_LEN + 4;
/// Most records that an attempt has: its start and its end, and what a daemon that came again may have added.
const RECORDS: u64 = 64;

/// Reads what is remembered, by trial: of those alone that still stand in the same job of the same batch.
pub(super) fn read(
    dir: &SweepDir,
    id: &str,
    batches: &Batches,
    places: &[Option<Place>],
    stopped: bool,
) -> Vec<Option<Finding>> {
    let mut trials = Vec::new();
    trials.resize_with(places.len(), || None);
    // Torn by an end of the writer, or of another release: what was read of it until there holds all the same.
    let _ = fill(&mut trials, dir, id, batches, places, stopped);
    trials
}

fn fill(
    trials: &mut [Option<Finding>],
    dir: &SweepDir,
    id: &str,
    batches: &Batches,
    places: &[Option<Place>],
    stopped: bool,
) -> Option<()> {
    let path = dir.looked();
    let bytes = fs::read(&path).ok()?;
    schema::read_binary_header(&path, MAGIC, &bytes).ok()?;
    let (head, body) = bytes.split_at_checked(BODY)?;
    if head[BINARY_HEADER_LEN..] != crc32fast::hash(body).to_le_bytes() {
        return None;
    }
    let mut reader = Reader(body);
    if reader.text()? != env!("CARGO_PKG_VERSION") || reader.text()? != id {
        return None;
    }
    // That the sweep is stopped makes another end of some.
    let same_word = (reader.number()? == 1) == stopped;
    for _ in 0..reader.number()? {
        let (batch, job) = (reader.small()?, reader.text()?);
        let is_same = batches.job_at(batch as usize) == Some(job);
        for _ in 0..reader.number()? {
            let (index, task) = (reader.small()?, reader.small()?);
            let settled = settled(&mut reader)?;
            let place = places.get(index as usize).copied().flatten();
            let stands = is_same && place == Some(Place { batch: batch as usize, task });
            if stands && (same_word || is_own_word(settled.status.state)) {
                trials[index as usize] = Some(settled);
            }
        }
    }
    Some(())
}

/// Whether an end is what it is by the trial's own record, whatever else is known.
pub(super) fn is_own_word(state: TrialState) -> bool {
    matches!(state, TrialState::Completed | TrialState::Pruned)
}

/// A trial's index, its task in its batch, and what was found of it.
type Member<'a> = (usize, u32, &'a Finding);

/// Writes what is to be remembered: each of these trials with its place.
pub(super) fn write<'a>(
    dir: &SweepDir,
    id: &str,
    batches: &Batches,
    stopped: bool,
    trials: impl Iterator<Item = (usize, Place, &'a Finding)>,
) {
    let mut by_batch: Vec<Vec<Member<'_>>> = Vec::new();
    for (index, place, finding) in trials {
        if by_batch.len() <= place.batch {
            by_batch.resize_with(place.batch + 1, Vec::new);
        }
        by_batch[place.batch].push((index, place.task, finding));
    }
    let named = |(batch, list)| Some((batch, batches.job_at(batch)?, list));
    let groups: Vec<(usize, &str, Vec<Member<'_>>)> =
        by_batch.into_iter().enumerate().filter(|(_, list)| !list.is_empty()).filter_map(named).collect();
    let count: usize = groups.iter().map(|(.., list)| list.len()).sum();
    let mut writer = Writer(vec![0; BODY]);
    writer.text(env!("CARGO_PKG_VERSION"));
    writer.text(id);
    writer.number(u64::from(stopped));
    writer.number(groups.len() as u64);
    for (batch, job, list) in groups {
        writer.number(batch as u64);
        writer.text(job);
        writer.number(list.len() as u64);
        for (index, task, finding) in list {
            writer.number(index as u64);
            writer.number(u64::from(task));
            put(&mut writer, finding);
        }
    }
    let mut bytes = writer.0;
    let header = schema::binary_header(MAGIC, u32::try_from(count).unwrap_or(u32::MAX));
    bytes[..BINARY_HEADER_LEN].copy_from_slice(&header);
    let sum = crc32fast::hash(&bytes[BODY..]).to_le_bytes();
    bytes[BINARY_HEADER_LEN..BODY].copy_from_slice(&sum);
    // It is made to save time: where it cannot be written, the next look takes as long as this one.
    let _ = files::replace_cache(&dir.looked(), &bytes);
}

fn put(writer: &mut Writer, finding: &Finding) {
    let place = |found: Option<usize>| found.expect("the table of all has each") as u64;
    let status = &finding.status;
    writer.number(place(TrialState::ALL.iter().position(|state| *state == status.state)));
    writer.number(place(Bucket::ALL.iter().position(|bucket| *bucket == status.bucket)));
    writer.number(u64::from(status.attempt));
    writer.option(status.job.as_ref(), put_job);
    writer.option(finding.job.as_deref(), Writer::text);
    writer.option(finding.record.as_ref(), |writer, (name, records)| {
        put_job(writer, &name.job);
        writer.number(name.start_ns);
        writer.number(records.len() as u64);
        let mut before = None;
        for record in records {
            put_record(writer, record, before);
            before = Some(record);
        }
    });
    writer.option(finding.task_error.as_deref(), Writer::text);
    writer.option(finding.metric, Writer::float);
    writer.number(finding.others.len() as u64);
    finding.others.iter().for_each(|value| writer.option(*value, Writer::float));
    writer.float(finding.spent_s);
}

fn settled(reader: &mut Reader<'_>) -> Option<Finding> {
    let state = *TrialState::ALL.get(reader.small()? as usize)?;
    let bucket = *Bucket::ALL.get(reader.small()? as usize)?;
    let attempt = reader.small()?;
    let job = reader.option(job)?;
    let status = Status { state, bucket, attempt, job };
    let job = reader.option(|reader| reader.text().map(str::to_owned))?;
    let record = reader.option(|reader| {
        let name = RecordName { job: self::job(reader)?, start_ns: reader.number()? };
        let mut records: Vec<Record> = Vec::new();
        for _ in 0..Some(reader.number()?).filter(|count| *count <= RECORDS)? {
            let record = record(reader, records.last())?;
            records.push(record);
        }
        Some((name, records))
    })?;
    let task_error = reader.option(|reader| reader.text().map(str::to_owned))?;
    let metric = reader.option(Reader::float)?;
    let others = (0..reader.number()?).map(|_| reader.option(Reader::float)).collect::<Option<_>>()?;
    let spent_s = reader.float()?;
    Some(Finding { status, job, record, task_error, metric, others, spent_s, is_settled: true })
}

/// Slurm's numbers as numbers, others as text.
fn put_job(writer: &mut Writer, job: &JobName) {
    match job.slurm_id() {
        Some(id) if JobName::slurm(id) == *job => writer.number(u64::from(id) + 1),
        _ => {
            writer.number(0);
            writer.text(job.as_str());
        }
    }
}

fn job(reader: &mut Reader<'_>) -> Option<JobName> {
    match reader.number()? {
        0 => reader.text()?.parse().ok(),
        id => Some(JobName::slurm(u32::try_from(id - 1).ok()?)),
    }
}

/// A record without what the user claimed in it; what it has in common with the one before is not written again.
fn put_record(writer: &mut Writer, record: &Record, before: Option<&Record>) {
    let end = |writer: &mut Writer, code: i32| {
        writer.number(u64::from(u32::from_le_bytes(code.to_le_bytes())));
    };
    writer.number(u64::from(record.kind == Kind::End));
    writer.number(record.time_ns);
    writer.option(record.exit, end);
    writer.option(record.signal, end);
    writer.option(record.elapsed_s, Writer::float);
    writer.option(record.cpu_s, Writer::float);
    writer.option(record.memory_peak_kib, Writer::number);
    let is_same = before.is_some_and(|before| is_of_same(record, before));
    writer.number(u64::from(is_same));
    if is_same {
        return;
    }
    writer.number(u64::from(record.source == Source::User));
    writer.option(record.cluster.as_deref(), Writer::text);
    writer.text(&record.node);
    writer.number(u64::from(record.uid));
    writer.number(u64::from(record.gid));
    put_job(writer, &record.job);
    writer.option(record.array_job.map(u64::from), Writer::number);
    writer.option(record.array_task.map(u64::from), Writer::number);
    writer.text(&record.step);
    writer.option(record.agent.as_ref(), put_job);
    writer.number(u64::from(record.attempt));
}

/// Whether two records differ in nothing but what each kind says.
fn is_of_same(record: &Record, before: &Record) -> bool {
    record.source == before.source
        && record.cluster == before.cluster
        && record.node == before.node
        && (record.uid, record.gid) == (before.uid, before.gid)
        && record.job == before.job
        && (record.array_job, record.array_task) == (before.array_job, before.array_task)
        && record.step == before.step
        && record.agent == before.agent
        && record.attempt == before.attempt
}

fn record(reader: &mut Reader<'_>, before: Option<&Record>) -> Option<Record> {
    let end = |reader: &mut Reader<'_>| Some(i32::from_le_bytes(reader.small()?.to_le_bytes()));
    let kind = if reader.number()? == 1 { Kind::End } else { Kind::Start };
    let time_ns = reader.number()?;
    let (exit, signal) = (reader.option(end)?, reader.option(end)?);
    let (elapsed_s, cpu_s) = (reader.option(Reader::float)?, reader.option(Reader::float)?);
    let memory_peak_kib = reader.option(Reader::number)?;
    let common = if reader.number()? == 1 { before?.clone() } else { common(reader)? };
    Some(Record { kind, time_ns, exit, signal, elapsed_s, cpu_s, memory_peak_kib, ..common })
}

fn common(reader: &mut Reader<'_>) -> Option<Record> {
    let source = if reader.number()? == 1 { Source::User } else { Source::Plugin };
    let cluster = reader.option(|reader| reader.text().map(str::to_owned))?;
    let node = reader.text()?;
    let user = (reader.small()?, reader.small()?);
    let start = Record::start(source, node, user, job(reader)?, 0);
    Some(Record {
        cluster,
        array_job: reader.option(Reader::small)?,
        array_task: reader.option(Reader::small)?,
        step: reader.text()?.to_owned(),
        agent: reader.option(job)?,
        attempt: reader.small()?,
        ..start
    })
}
