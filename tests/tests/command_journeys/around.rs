//! What a job does around its command, on a real Slurm with the plugin and without: folders, frozen sources, shell
//! lines before and after, names, templates, metrics from the output, and going on after a signal.

use std::fs;
use std::os::unix::fs::chown;

use crate::site::{Home, LIMIT, plain, plugged};

#[test]
fn a_job_finds_its_folder_its_frozen_code_its_names_and_its_templates() {
    let spec = "name: around\nworkdir: code\nsource: {copy: [code/*]}\nenv_names: upper\nfolds: 5\n\
        setup: ['GREETING=hello-${lr}', 'export GREETING']\ntemplates: {etc/net.ini: net.ini.j2}\n\
        metric: {name: fom, goal: maximize, from: {stdout: 'FoM: (\\S+)', take: best}}\n\
        command: [sh, -c, 'echo $GREETING $LR $SWEEP_TRIAL_NAME $SWEEP_FOLDS; cat version; \
        cat $SWEEP_TRIAL_DIR/etc/net.ini; echo FoM: $LR; echo FoM: 0; exit $CODE']\n\
        after: ['echo after ${lr} $SWEEP_EXIT $SWEEP_TRIAL']\n\
        params: [{name: warm, lr: 0.5, code: 0}, {name: cold, lr: 0.25, code: 3}]\n";
    for cluster in [plain(), plugged()] {
        let home = Home::new(cluster, "around", spec);
        fs::create_dir(home.path.join("code")).unwrap();
        chown(home.path.join("code"), Some(cluster.user().uid), Some(cluster.user().gid)).unwrap();
        home.write("code/net.ini.j2", "lr = {{ lr }} # {{ env.SWEEP_TRIAL_NAME }}\n");
        home.write("code/version", "1\n");
        let sweep = home.submit(&["--", "--hold"]);
        // A sweep runs what it froze, whatever happens beside the spec while it waits.
        home.write("code/version", "2\n");
        cluster.scontrol(&["release", &sweep.job().to_string()]).unwrap().checked().unwrap();
        let status = sweep.wait_states(&["completed", "failed"]);
        for (trial, name, lr, code) in [(0, "warm", "0.5", 0), (1, "cold", "0.25", 3)] {
            let expected = format!(
                "hello-{lr} {lr} {name} 5\n1\nlr = {lr} # {name}\nFoM: {lr}\nFoM: 0\nafter {lr} {code} t00{trial}\n"
            );
            let output = sweep.read(trial, "out.log");
            assert!(output.ends_with(&expected), "{output}");
            let report = &status["trials"][trial as usize];
            assert_eq!((&report["name"], &report["exit"]), (&name.into(), &code.into()), "{status}");
        }
        assert_eq!(status["trials"][0]["metric"], 0.5, "{status}");
    }
}

/// Saves its step when it is told that its time is over, and goes on from there.
const SAVES: &str = "step=0
[ -e \"$SWEEP_CHECKPOINT_OUT/step\" ] && step=$(cat \"$SWEEP_CHECKPOINT_OUT/step\")
echo \"attempt $SWEEP_ATTEMPT goes on from $step\"
[ \"$step\" = 5 ] && exit 0
trap 'echo $step > \"$SWEEP_CHECKPOINT_OUT/step\"; exit 0' USR1
step=5
touch \"$SWEEP_TRIAL_DIR/ready\"
while :; do sleep 0.1; done
";

#[test]
fn a_trial_whose_time_is_over_saves_and_goes_on_from_there_in_its_next_attempt() {
    let spec = "name: saves\ncommand: [sh, saves.sh]\ncheckpoint: true\nrequeue_on_signal: true\n\
        signal: USR1@30\nsbatch: {time: 10}\nparameters: {x: [1]}\n";
    for cluster in [plain(), plugged()] {
        let home = Home::new(cluster, "saves", spec);
        home.write("saves.sh", SAVES);
        let sweep = home.submit(&[]);
        let job = sweep.job().task(0);
        cluster
            .wait_for(LIMIT, "the trial to run", || sweep.file(0, "ready").exists().then_some(()))
            .unwrap();
        // As Slurm does half a minute before the time limit.
        let mut scancel = home.command("scancel");
        cluster.run(scancel.args(["--signal=USR1", "--batch", &job])).unwrap().checked().unwrap();
        cluster.start_requeued(&job, LIMIT).unwrap();
        let status = sweep.wait_completed(1);
        assert_eq!(status["trials"][0]["attempt"], 1, "{status}");
        let output = sweep.read(0, "out.log");
        let said: Vec<_> = output.lines().filter(|line| line.starts_with("attempt ")).collect();
        assert_eq!(said, ["attempt 0 goes on from 0", "attempt 1 goes on from 5"], "{output}");
        assert_eq!(sweep.records(0).len(), 2);
    }
}
