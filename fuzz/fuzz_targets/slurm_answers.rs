//! Any bytes as what squeue, sacct, scontrol and sbatch print: a line that is not understood is left out, and an answer of some
//! kilobytes costs neither a second nor the memory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sweep_cli::executor::slurm::accounting::AccountTable;
use sweep_cli::executor::slurm::queue::QueueTable;
use sweep_cli::executor::slurm::{is_waiting, parse_job_id, parse_site, ruling};

/// Jobs and tasks that are asked for.
const JOBS: [u32; 4] = [0, 10, 20, u32::MAX];
const TASKS: [Option<u32>; 5] = [None, Some(0), Some(3), Some(50), Some(u32::MAX)];

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let queue = QueueTable::parse(&text);
    let accounts = AccountTable::parse(&text);
    for job in JOBS {
        for task in TASKS {
            let _ = (queue.look(job, task), accounts.look(job, task));
        }
        let _ = (queue.is_open(job), queue.open_tasks(job).count());
    }
    let site = parse_site(&text);
    assert!(site.max_array_size > 0);
    if let Some(job) = parse_job_id(&text) {
        assert_eq!(parse_job_id(&format!("{job};cluster\n")), Some(job));
    }
    for line in text.lines() {
        for word in line.split('|') {
            assert!(ruling(word).is_none() || !is_waiting(word), "{word}: ended and waiting");
            // The oldest job of a token is one of its jobs.
            if let Some(job) = queue.job_of(word) {
                assert!(queue.jobs_of(word).all(|other| other >= job));
            }
        }
    }
});
