//! Hundreds of trials in a partition whose jobs make way for better ones: each is requeued as often as it is driven
//! out, finds its checkpoint again, and takes every step of its work once and no more.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use sweep_testbed::ClusterConfig;

use crate::site::Site;
use crate::{say, share};

/// Trials, and the steps of each.
const TRIALS: usize = 400;
const STEPS: usize = 4;
/// Times that jobs come which take all CPUs.
const WAVES: usize = 8;

/// A trial goes on from its own checkpoint; a step counts once it is kept.
const PROGRAM: &str = "exec 9>locks/$SWEEP_TRIAL
flock -n 9 || echo \"! $SWEEP_TRIAL\" >> ran
done=$(cat $SWEEP_CHECKPOINT_OUT/done 2>/dev/null || echo 0)
echo \"+ $SWEEP_TRIAL $done\" >> ran
while [ $done -lt 4 ]; do
  sleep 1
  done=$((done + 1))
  echo $done > $SWEEP_CHECKPOINT_OUT/new && mv $SWEEP_CHECKPOINT_OUT/new $SWEEP_CHECKPOINT_OUT/done
  echo \"* $SWEEP_TRIAL $done\" >> ran
done
sweep log loss=$x
echo \"- $SWEEP_TRIAL\" >> ran
";

#[test]
fn hundreds_of_preempted_trials_go_on_from_their_checkpoints_and_none_is_lost() {
    let config = ClusterConfig { cpus_per_node: 24, ..ClusterConfig::default() }
        .set("PreemptType", "preempt/partition_prio")
        .set("PreemptMode", "REQUEUE")
        .partition("low", "PriorityTier=1 PreemptMode=REQUEUE")
        .partition("high", "PriorityTier=9 PreemptMode=OFF");
    let site = Site::start(config);
    let trials = (TRIALS as f64 * share()).round() as usize;
    let began = Instant::now();
    let spec = format!("method: random\ntrials: {trials}\ncheckpoint: true\nsbatch: {{partition: low}}\n");
    let sweep = site.submit("preempted", PROGRAM, &spec);
    for _ in 0..WAVES {
        site.wait("trials at work", || (site.queue("RUNNING").len() > 20).then_some(()));
        thread::sleep(Duration::from_secs(2));
        let wave = ["--partition=high", "--array=0-47", "--output=/dev/null", "--wrap=sleep 1"];
        site.cluster.submit(&wave).unwrap();
        if sweep.is_over() {
            break;
        }
    }
    site.wait_idle();
    let took = began.elapsed().as_secs();

    // By trial: how often it began, each step that it took, its ends.
    let (mut begun, mut steps, mut ended) =
        (0, BTreeMap::<String, usize>::new(), BTreeMap::<String, usize>::new());
    let mut went_on = 0;
    for line in sweep.lines() {
        let (sign, of) = line.split_once(' ').unwrap();
        match sign {
            "+" => {
                begun += 1;
                went_on += usize::from(!of.ends_with(" 0"));
            }
            "*" => *steps.entry(of.to_owned()).or_default() += 1,
            "-" => *ended.entry(of.to_owned()).or_default() += 1,
            _ => panic!("two at work on {of}"),
        }
    }
    let states = sweep.status()["states"].clone();
    let kept = |trial: usize| {
        let path = sweep.dir().join(format!("trials/t{trial:03}/checkpoint/done"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let whole = (0..trials).filter(|trial| kept(*trial).trim() == STEPS.to_string()).count();
    let again = steps.values().filter(|count| **count > 1).count();
    say(
        "preempted",
        &format!(
            "{trials} trials of {STEPS} steps in a partition that is preempted: begun {begun} times, {went_on} times from a \
             checkpoint; trials with all steps {whole}, steps taken twice {again}; lost {}; {took} s.\n",
            trials - ended.len(),
        ),
    );
    site.verify_audit();
    assert_eq!(states["completed"], trials, "{states}");
    assert_eq!((whole, again, ended.len()), (trials, 0, trials));
    assert!(ended.values().all(|count| *count == 1), "a trial that had ended was run again");
    assert!(begun > trials && went_on > 0, "nobody was driven out");
}
