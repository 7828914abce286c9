//! A trial whose time limit is near is told so by Slurm, saves, has its own job requeued, and goes on from there. The
//! limit is a real one: nobody but Slurm sends the signal.

use std::fs;

use crate::outcome::say;
use crate::place::{LIMIT, Place, cluster};

/// Takes a step every half second without an end; told that its time is over, it saves its step and ends. From a saved
/// step it takes five more.
const SAVES: &str = "saved=\"$SWEEP_CHECKPOINT_OUT/step\"
step=0
[ -e \"$saved\" ] && step=$(cat \"$saved\") && last=$((step + 5))
echo \"attempt $SWEEP_ATTEMPT goes on from step $step\"
trap 'echo $step > \"$saved\"; exit 0' USR1
while [ \"$step\" != \"$last\" ]; do
    step=$((step + 1))
    sleep 0.5
done
echo \"done at step $step\"
";

#[test]
fn a_trial_saves_before_its_time_limit_and_goes_on_from_there() {
    let cluster = cluster();
    let spec = "name: limit\ncommand: [sh, start.sh, '${x}']\nparameters: {x: [1]}\nmax_failures: 1\n\
        checkpoint: true\nsignal: USR1@20\nrequeue_on_signal: true\nsbatch: {time: 1}\n";
    let mut place = Place::new(&cluster, "limit", spec, &[]);
    fs::write(place.path.join("start.sh"), SAVES).unwrap();
    place.submit();
    let saved = place.dir.join("trials/t000/checkpoint/step");
    place.wait("Slurm's signal", LIMIT, || saved.exists().then_some(()));
    let status = place.status();
    let job = status["trials"][0]["job_id"].as_str().unwrap().to_owned();
    cluster.start_requeued(&job, LIMIT).unwrap();
    place.wait_finished();
    let status = place.status();
    assert_eq!(
        (&status["trials"][0]["state"], &status["trials"][0]["attempt"]),
        (&"completed".into(), &1.into())
    );
    let step: u32 = fs::read_to_string(&saved).unwrap().trim().parse().unwrap();
    assert!(step > 0);
    let output = fs::read_to_string(place.dir.join("trials/t000/out.log")).unwrap();
    let said: Vec<_> =
        output.lines().filter(|line| !line.starts_with("===") && !line.starts_with("sweep: ")).collect();
    let expected = [
        "attempt 0 goes on from step 0".to_owned(),
        format!("attempt 1 goes on from step {step}"),
        format!("done at step {}", step + 5),
    ];
    assert_eq!(said, expected, "{output}");
    say(&format!(
        "a time limit of one minute: the trial was told, saved at step {step}, was requeued, and ended at {}",
        step + 5
    ));
}
