//! Many trials in one job: by `trials_per_job`, by agents that take what is offered, as children and as steps. However a
//! job ends, each trial is run once, or once more because somebody asked.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use sweep_core::record::Source;
use sweep_testbed::JobId;

use crate::site::{Home, LIMIT, Sweep, accounted, plain, plugged};

/// Notes its own start, and goes on once the gate is open, or at once where its number is at least `OPEN`.
const GATED: &str = "sbatch: {cpus-per-task: 3}\ncommand: [sh, -c, 'echo $$SWEEP_TRIAL >> runs.log; \
                     if [ $$x -lt ${OPEN:-2} ]; then while [ ! -e gate ]; do sleep 0.1; done; fi']\n";

fn numbers(count: u32) -> String {
    let list: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    format!("parameters: {{x: [{}]}}\n", list.join(", "))
}

/// How often each trial's command was started.
fn runs(home: &Home) -> BTreeMap<String, usize> {
    let log = fs::read_to_string(home.path.join("runs.log")).unwrap_or_default();
    log.lines().fold(BTreeMap::new(), |mut runs, line| {
        *runs.entry(line.to_owned()).or_default() += 1;
        runs
    })
}

fn wait_runs(home: &Home, count: usize) {
    let what = format!("{count} trials to be started");
    home.cluster.wait_for(LIMIT, &what, || (runs(home).len() >= count).then_some(())).unwrap();
}

fn states_of(list: &[(&'static str, usize)]) -> Vec<&'static str> {
    list.iter().flat_map(|(state, count)| vec![*state; *count]).collect()
}

/// Kills the agent that runs a trial, and nothing else.
fn kill_agent(sweep: &Sweep<'_>, trial: u32) {
    let agent = sweep.records(trial).pop().unwrap()[0].agent.clone().unwrap().to_string();
    let pid = agent.rsplit(':').nth(1).unwrap();
    let ran = sweep.home.cluster.run(sweep.home.command("kill").args(["-9", pid])).unwrap();
    ran.checked().unwrap();
}

#[test]
fn a_job_runs_several_trials_and_each_ends_and_is_tried_again_by_itself() {
    let spec = "name: several\ntrials_per_job: 4\nagent: {slots: 2, launch: direct}\n\
                sbatch: {cpus-per-task: 2}\ncommand: [sh, -c, 'echo $$SWEEP_TRIAL >> runs.log; [ $$x != 5 -o $$SWEEP_ATTEMPT = 1 ]']\n";
    let home = Home::new(plain(), "several", &format!("{spec}{}", numbers(10)));
    let sweep = home.submit(&[]);
    let status = sweep.wait_states(&states_of(&[("completed", 5), ("failed", 1), ("completed", 4)]));
    let job = sweep.job();
    let jobs: Vec<&str> =
        status["trials"].as_array().unwrap().iter().map(|t| t["job_id"].as_str().unwrap()).collect();
    let expected: Vec<String> = (0..10).map(|trial| format!("{job}_{}", trial / 4)).collect();
    assert_eq!(jobs, expected);
    for trial in 0..10 {
        let [records] = sweep.records(trial).try_into().unwrap();
        assert_eq!(records.len(), 2, "t{trial:03}");
        assert!(records[0].agent.is_some() && records[0].source == Source::User);
        assert_eq!(records[1].exit, Some(i32::from(trial == 5)));
    }
    // The job itself did what it was there for.
    for task in plain().wait_array_done(job, LIMIT).unwrap() {
        assert_eq!(task.exit_code(), "0:0", "{task:?}");
    }
    home.sweep(&["retry", sweep.path()]).checked().unwrap();
    sweep.wait_completed(10);
    let again = runs(&home);
    assert!(again.iter().all(|(trial, runs)| *runs == if trial == "t005" { 2 } else { 1 }), "{again:?}");
}

#[test]
fn an_agent_that_is_killed_loses_no_trial_and_runs_none_twice() {
    let spec = format!("name: killed\ntrials_per_job: 6\nagent: {{slots: 3}}\n{GATED}{}", numbers(6));
    let home = Home::new(plain(), "agent-killed", &spec);
    let sweep = home.submit(&[]);
    // The first two wait at the gate, and the others pass by them.
    sweep.wait_states(&states_of(&[("running", 2), ("completed", 4)]));
    kill_agent(&sweep, 0);
    sweep.wait_states(&states_of(&[("node_fail", 2), ("completed", 4)]));
    home.write("gate", "open");
    home.sweep(&["retry", sweep.path()]).checked().unwrap();
    let status = sweep.wait_completed(6);
    assert_eq!(status["trials"][0]["attempt"], 1);
    let again = runs(&home);
    assert_eq!(again.values().sum::<usize>(), 8, "{again:?}");
    assert_eq!((again["t000"], again["t001"]), (2, 2));
}

#[test]
fn what_a_killed_agent_never_came_to_goes_back_and_is_submitted_again() {
    let spec = format!("name: rest\ntrials_per_job: 6\nagent: {{slots: 2}}\n{GATED}{}", numbers(6));
    let home = Home::new(plain(), "agent-rest", &spec);
    let sweep = home.submit(&[]);
    wait_runs(&home, 2);
    sweep.wait_states(&states_of(&[("running", 2), ("pending", 4)]));
    kill_agent(&sweep, 0);
    sweep.wait_states(&states_of(&[("node_fail", 2), ("planned", 4)]));
    home.write("gate", "open");
    home.sweep(&["resume", sweep.path()]).checked().unwrap();
    sweep.wait_states(&states_of(&[("node_fail", 2), ("completed", 4)]));
    home.sweep(&["retry", sweep.path()]).checked().unwrap();
    sweep.wait_completed(6);
    let again = runs(&home);
    assert!(
        again.iter().all(|(trial, runs)| *runs == if trial < &"t002".to_owned() { 2 } else { 1 }),
        "{again:?}"
    );
}

#[test]
fn a_requeued_job_goes_on_with_the_trials_that_had_not_ended() {
    let spec = format!("name: requeued\ntrials_per_job: 4\nagent: {{slots: 3}}\n{GATED}{}", numbers(4));
    let home = Home::new(plain(), "agent-requeued", &spec);
    let sweep = home.submit(&[]);
    sweep.wait_states(&states_of(&[("running", 2), ("completed", 2)]));
    let task = sweep.job().task(0);
    plain().scontrol(&["requeue", &task]).unwrap().checked().unwrap();
    plain().start_requeued(&task, LIMIT).unwrap();
    home.write("gate", "open");
    let status = sweep.wait_completed(4);
    let attempts: Vec<u64> =
        status["trials"].as_array().unwrap().iter().map(|trial| trial["attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [1, 1, 0, 0]);
    assert_eq!(runs(&home).values().sum::<usize>(), 6);
}

#[test]
fn a_stop_ends_what_runs_in_a_job_and_what_waits_there() {
    let spec = format!("name: stopped\ntrials_per_job: 6\nagent: {{slots: 3}}\n{GATED}{}", numbers(6))
        .replace("OPEN:-2", "OPEN:-6");
    let home = Home::new(plain(), "agent-stopped", &spec);
    let sweep = home.submit(&[]);
    wait_runs(&home, 3);
    home.sweep(&["stop", sweep.path()]).checked().unwrap();
    sweep.wait_states(&["cancelled"; 6]);
    assert_eq!(runs(&home).len(), 3);
}

/// Trials as steps, with the plugin on the nodes: each step is a trial of its own for it.
#[test]
fn a_trial_that_is_a_step_has_the_plugins_records() {
    let spec = "name: steps\ntrials_per_job: 3\nagent: {launch: step, slots: 2}\nsbatch: {ntasks: 2}\n\
                command: [sh, -c, 'echo $$SWEEP_TRIAL $$SLURM_STEP_ID >> runs.log; exit $$x']\n";
    let home = Home::new(plugged(), "agent-steps", &format!("{spec}{}", numbers(3)));
    let sweep = home.submit(&[]);
    sweep.wait_states(&["completed", "failed", "failed"]);
    let job = plugged().wait_array_done(sweep.job(), LIMIT).unwrap()[0].id();
    for trial in 0..3 {
        let [records] = sweep.records(trial).try_into().unwrap();
        assert_eq!(records[0].source, Source::Plugin, "{records:?}");
        assert!(records[0].step.parse::<u32>().is_ok(), "{records:?}");
        assert_eq!(records[1].exit, Some(i32::try_from(trial).unwrap()));
    }
    let of_site = site_records(&job);
    assert_eq!(of_site.len(), 6, "a start and an end of each step: {of_site:?}");
}

#[test]
fn the_sites_records_know_nothing_of_trials_that_are_an_agents_children() {
    let spec = "name: children\ntrials_per_job: 2\nagent: {launch: direct}\ncommand: ['true']\n";
    let home = Home::new(plugged(), "agent-children", &format!("{spec}{}", numbers(2)));
    let sweep = home.submit(&[]);
    sweep.wait_completed(2);
    let job = plugged().wait_array_done(sweep.job(), LIMIT).unwrap()[0].id();
    assert!(sweep.records(0)[0].iter().all(|record| record.source == Source::User));
    assert_eq!(site_records(&job), Vec::<Value>::new());
}

/// The site's records of a job.
fn site_records(job: &JobId) -> Vec<Value> {
    let mut found = Vec::new();
    for entry in fs::read_dir(plugged().audit()).unwrap().map(Result::unwrap) {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        found.extend(records.filter(|record| {
            let record = record.get("record").unwrap_or(record);
            record["job"] == job.to_string().as_str()
        }));
    }
    found
}

#[test]
fn two_agents_take_what_is_offered_between_them() {
    let spec = "name: offered\ncommand: [sh, -c, 'echo $$SWEEP_TRIAL >> runs.log']\nagent: {slots: 2}\n";
    let home = Home::new(accounted(), "agent-offered", &format!("{spec}{}", numbers(40)));
    let sweep = home.submitted(&home.json("init", &[]));
    let script = format!("#!/bin/sh\nexec sweep agent {}\n", sweep.path());
    home.write("agent.sh", &script);
    let mut sbatch = home.command("sbatch");
    sbatch.args(["--parsable", "--array=0-1", "--output=agent-%a.log", "agent.sh"]);
    let job = accounted().run(&mut sbatch).unwrap().checked().unwrap();
    let job = JobId(job.stdout.trim().parse().unwrap());
    sweep.wait_completed(40);
    for task in accounted().wait_array_done(job, LIMIT).unwrap() {
        assert_eq!(task.exit_code(), "0:0", "{task:?}");
    }
    assert!(runs(&home).values().all(|runs| *runs == 1));
    assert_eq!(runs(&home).len(), 40);
}

#[test]
fn an_agent_outside_of_a_job_runs_its_trials_as_steps_of_it() {
    let spec = "name: outside\ncommand: [sh, -c, 'echo $$SWEEP_TRIAL >> runs.log; \
                echo $$SLURM_JOB_ID > $$SWEEP_TRIAL_DIR/job']\n";
    let home = Home::new(plain(), "agent-outside", &format!("{spec}{}", numbers(3)));
    let sweep = home.submitted(&home.json("init", &[]));
    home.write("hold.sh", "#!/bin/sh\nexec sleep 600\n");
    let mut sbatch = home.command("sbatch");
    let ran =
        plain().run(sbatch.args(["--parsable", "--ntasks=2", "--output=/dev/null", "hold.sh"])).unwrap();
    let job = ran.checked().unwrap().stdout.trim().to_owned();
    plain().wait_job_state(&job, &["RUNNING"], LIMIT).unwrap();
    let told = home.json("agent", &["--job", &job, sweep.path()]);
    let said = sweep.read(0, "out.log");
    assert_eq!((&told["completed"], &told["failed"]), (&Value::from(3), &Value::from(0)), "{told}\n{said}");
    sweep.wait_completed(3);
    assert_eq!(sweep.read(0, "job").trim(), job);
    plain().run(home.command("scancel").arg(&job)).unwrap().checked().unwrap();
}

#[test]
fn agents_drive_a_search_and_wait_for_its_next_proposals() {
    let spec = "name: searched\nmethod: asha\ntrials: 9\nasha: {max_budget: 9, eta: 3}\nconcurrency: 3\n\
                metric: {name: loss}\nagent: {slots: 3, wait_s: 30}\n\
                command: [sh, -c, 'echo $$SWEEP_TRIAL >> runs.log; sweep log loss=$$x']\n\
                parameters: {x: {min: 0.0, max: 1.0}}\n";
    let home = Home::new(plain(), "agent-search", spec);
    let submitted = home.json("submit", &["--executor", "agent"]);
    let sweep = home.submitted(&submitted);
    let told = home.json("agent", &[sweep.path()]);
    assert_eq!(told["why"], "nothing is left to take");
    let status = sweep.status();
    let states = crate::site::states(&status);
    assert!(states.len() > 9 && states.iter().all(|state| state == "completed"), "{states:?}");
    assert!(runs(&home).values().all(|runs| *runs == 1));
    assert_eq!(told["completed"], states.len());
}

#[test]
fn a_parameter_decides_on_how_many_nodes_a_trial_runs() {
    let spec = "name: wide\nnodes_per_trial: ${nodes}\nlaunch_args: [--ntasks-per-node=1]\n\
                command: [sh, -c, 'echo $$SLURM_PROCID of $$SLURM_NTASKS >> ${SWEEP_TRIAL_DIR}/ranks']\n\
                parameters: {nodes: [1, 2]}\n";
    let home = Home::new(plain(), "agent-wide", spec);
    let sweep = home.submit(&[]);
    sweep.wait_completed(2);
    let ranks = |trial: u32| {
        let text = sweep.read(trial, "ranks");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!((ranks(0), ranks(1)), (vec!["0 of 1".to_owned()], vec!["0 of 2".to_owned(), "1 of 2".into()]));
}
