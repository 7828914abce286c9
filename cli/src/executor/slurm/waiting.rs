//! How many jobs of all users wait in each place of a sweep that is spread, by one squeue. Pure parsing besides; what a
//! site hides of others is not counted, and it never guesses.

use sweep_core::spread::Place;

use crate::error::{Error, Result};
use crate::executor::process::Call;
use crate::executor::slurm;
use crate::executor::slurm::clusters::{Clusters, on_all, sections};
use crate::executor::slurm::queue::ranges;

/// Asks how many jobs and array tasks wait in each place; none where its cluster does not answer.
///
/// # Errors
/// Where squeue is not there, or nobody answers.
pub fn ask(places: &[Place]) -> Result<Vec<Option<u32>>> {
    let clusters: Clusters = places.iter().filter_map(|place| place.cluster.clone()).collect();
    // Without the variable squeue cuts long lists of array tasks at 64 characters.
    let call = Call::new("squeue").env("SLURM_BITSTR_LEN", "0");
    let call = call.args(["--states=PENDING", "--format=%K|%r|%P|%q|%a|%v|%f"]).args(on_all(&clusters));
    let answer = slurm::ask(&call)?;
    let counts = count(places, &answer.stdout);
    if counts.iter().all(Option::is_none) {
        return Err(Error::world("squeue does not answer").said(&answer.stderr));
    }
    Ok(counts)
}

/// How the line of headings begins that squeue prints for our question.
const HEADING: &str = "ARRAY_TASK_ID|";

/// What does not wait for room but for another job, a date or a person.
const NOT_FOR_ROOM: [&str; 6] = [
    "BeginTime",
    "Dependency",
    "DependencyNeverSatisfied",
    "JobArrayTaskLimit",
    "JobHeldAdmin",
    "JobHeldUser",
];

fn count(places: &[Place], text: &str) -> Vec<Option<u32>> {
    let parts = sections(text, HEADING);
    let of_place = |place: &Place| {
        let mut parts = parts.iter();
        let (_, lines) = match &place.cluster {
            Some(cluster) => parts.find(|(name, _)| name == cluster)?,
            None => parts.next()?,
        };
        let waits = |line| Line::parse(line).filter(|line| line.is_in(place)).map_or(0, |line| line.count);
        Some(lines.lines().skip(1).map(waits).fold(0, u32::saturating_add))
    };
    places.iter().map(of_place).collect()
}

/// A job, or tasks of an array that stand together.
struct Line<'a> {
    count: u32,
    partition: &'a str,
    qos: &'a str,
    account: &'a str,
    reservation: &'a str,
    features: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let fields: Vec<&str> = line.splitn(7, '|').map(str::trim).collect();
        let [tasks, reason, partition, qos, account, reservation, features] = fields.try_into().ok()?;
        if NOT_FOR_ROOM.contains(&reason) {
            return None;
        }
        let tasks = ranges(tasks).into_iter().map(|tasks| tasks.count()).fold(0, u32::saturating_add);
        Some(Self { count: tasks.max(1), partition, qos, account, reservation, features })
    }

    fn is_in(&self, place: &Place) -> bool {
        let is = |name: &str, value: &str| match name {
            // A job may wait in several, and a place may be several.
            "partition" => self.partition.split(',').any(|own| value.split(',').any(|asked| asked == own)),
            "qos" => self.qos.eq_ignore_ascii_case(value),
            "account" => self.account.eq_ignore_ascii_case(value),
            "reservation" => self.reservation == value,
            _ => self.features == value,
        };
        place.sbatch.iter().all(|(name, value)| is(name, value))
    }
}

/// Answers as they were seen.
#[cfg(test)]
mod tests {
    use super::*;

    fn place(cluster: Option<&str>, options: &[(&str, &str)]) -> Place {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Place { number: 0, cluster: cluster.map(str::to_owned), sbatch: options.iter().map(owned).collect() }
    }

    const HEAD: &str = "ARRAY_TASK_ID|REASON|PARTITION|QOS|ACCOUNT|RESERVATION|FEATURES\n";

    #[test]
    fn what_waits_for_room_is_counted_in_each_of_its_places() {
        let text = format!(
            "{HEAD}0-9%2|Resources|short|normal|lab|(null)|(null)\nN/A|Priority|short,long|low|lab|(null)|(null)\n\
             N/A|Dependency|long|low|lab|(null)|(null)\n3-4|JobArrayTaskLimit|long|low|lab|(null)|(null)\n"
        );
        let places = [
            place(None, &[("partition", "short")]),
            place(None, &[("partition", "long")]),
            place(None, &[("partition", "short"), ("qos", "LOW")]),
            place(None, &[("account", "lab")]),
            place(None, &[("partition", "other")]),
        ];
        assert_eq!(count(&places, &text), [11, 1, 1, 11, 0].map(Some));
    }

    #[test]
    fn a_cluster_that_is_silent_has_no_count() {
        let text = format!("CLUSTER: a\n{HEAD}N/A|Resources|main|normal|x|(null)|(null)\n\nCLUSTER: b\n");
        let places = [Some("a"), Some("b"), Some("c")].map(|cluster| place(cluster, &[]));
        assert_eq!(count(&places, &text), [Some(1), None, None]);
        assert_eq!(count(&[place(None, &[])], ""), [None]);
    }
}
