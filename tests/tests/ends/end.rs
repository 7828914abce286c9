//! The ends of the matrix as one list: what a trial is told to do, where it runs, and what is expected of it. Nothing
//! here does anything.

/// One way to end.
#[derive(Debug, PartialEq, Eq)]
pub struct End {
    /// In the table and, with `_`, as the trial's value.
    pub name: &'static str,
    /// Its options of sbatch, as YAML.
    pub sbatch: &'static str,
    /// Slurm's word for the end.
    pub slurm: &'static str,
    /// Our word for it.
    pub state: &'static str,
    /// The attempt that came to it.
    pub attempt: u64,
    /// The exit code in its record.
    pub exit: Option<u64>,
    /// The signal in its record.
    pub signal: Option<u64>,
    /// Our word once Slurm has forgotten the job and nobody keeps accounts.
    pub forgotten: &'static str,
}

const BASE: End = End {
    name: "",
    sbatch: "partition: calm",
    slurm: "COMPLETED",
    state: "completed",
    attempt: 0,
    exit: Some(0),
    signal: None,
    forgotten: "completed",
};

/// Ended by a signal that Slurm sent: the record alone calls that a failure.
const KILLED: End = End { exit: None, signal: Some(15), forgotten: "failed", ..BASE };
/// Its node or its slurmstepd died: there is no end in its record.
const CUT_OFF: End =
    End { slurm: "NODE_FAIL", state: "node_fail", exit: None, forgotten: "node_fail", ..BASE };
/// Never started: without accounts nothing is left of it.
const UNBEGUN: End = End { slurm: "CANCELLED", state: "cancelled", exit: None, forgotten: "lost", ..BASE };

/// All ends. Slurm takes up to 90 s to see a time limit, so that one comes first.
pub const ENDS: [End; 20] = [
    End {
        name: "time limit",
        sbatch: "partition: calm, time: '00:01:00'",
        slurm: "TIMEOUT",
        state: "timeout",
        ..KILLED
    },
    End { name: "exit 0", ..BASE },
    End { name: "exit 7", slurm: "FAILED", state: "failed", exit: Some(7), forgotten: "failed", ..BASE },
    End { name: "SIGSEGV", slurm: "FAILED", state: "failed", signal: Some(11), ..KILLED },
    End { name: "out of memory", slurm: "OUT_OF_MEMORY", state: "out_of_memory", signal: Some(9), ..KILLED },
    End { name: "scancel running", slurm: "CANCELLED", state: "cancelled", ..KILLED },
    End { name: "scancel pending", sbatch: "partition: calm, hold: true", ..UNBEGUN },
    // The next two share their options, and so their array.
    End {
        name: "half cancelled, this half",
        sbatch: "partition: calm, nice: 1",
        slurm: "CANCELLED",
        state: "cancelled",
        ..KILLED
    },
    End { name: "half cancelled, the other", sbatch: "partition: calm, nice: 1", ..BASE },
    End { name: "scontrol requeue", attempt: 1, ..BASE },
    End { name: "preempted, requeued", sbatch: "partition: low", attempt: 1, ..BASE },
    End {
        name: "preempted, no requeue",
        sbatch: "partition: low, no-requeue: true",
        slurm: "PREEMPTED",
        state: "preempted",
        ..KILLED
    },
    End { name: "node failed, requeued", sbatch: "partition: frail", attempt: 1, ..BASE },
    End { name: "node failed, no requeue", sbatch: "partition: frail, no-requeue: true", ..CUT_OFF },
    End { name: "slurmstepd killed, requeued", sbatch: "partition: beheaded", attempt: 1, ..BASE },
    End { name: "slurmstepd killed, no requeue", sbatch: "partition: beheaded, no-requeue: true", ..CUT_OFF },
    End { name: "slurmctld restarted", ..BASE },
    // Slurm holds such a job for an admin; this one is cancelled before Slurm is made to forget.
    End {
        name: "prolog failed, requeued",
        sbatch: "partition: barred",
        slurm: "PENDING",
        state: "pending",
        ..UNBEGUN
    },
    End { name: "prolog failed, no requeue", sbatch: "partition: barred, no-requeue: true", ..UNBEGUN },
    End { name: "resources", ..BASE },
];

impl End {
    /// Its name as a shell's word.
    pub fn word(&self) -> String {
        self.name.replace([' ', ','], "_")
    }

    /// Whether the trial runs before something is done to it, so that it can be waited for.
    pub fn begins(&self) -> bool {
        self.forgotten != "lost"
    }
}

/// What every trial runs. It says that it has begun, and waits for what is to befall it; once requeued it looks for
/// what the attempt before left, and is content. Where slurmstepd is killed it first starts what is hard to end: a
/// process without a parent, in a session of its own, that ignores being asked.
pub const SCRIPT: &str = r#"#!/bin/bash
ulimit -c 0
case $end$SWEEP_ATTEMPT in
    slurmstepd_killed*0) (trap '' TERM HUP; setsid sleep 600 &) ;;
esac
if [ "$SWEEP_ATTEMPT" != 0 ]; then
    for environ in /proc/[0-9]*/environ; do
        grep -qzxF "SWEEP_TRIAL_DIR=$SWEEP_TRIAL_DIR" "$environ" && grep -qzxF SWEEP_ATTEMPT=0 "$environ" &&
            tr '\0' ' ' < "${environ%environ}cmdline"
    done > "$SWEEP_TRIAL_DIR/left" 2> /dev/null
fi
echo "$$ $PPID" > "$SWEEP_TRIAL_DIR/begun.new"
mv "$SWEEP_TRIAL_DIR/begun.new" "$SWEEP_TRIAL_DIR/begun.$SWEEP_ATTEMPT"
[ "$SWEEP_ATTEMPT" = 0 ] || exit 0
case $end in
    exit_0) exit 0 ;;
    exit_7) exit 7 ;;
    SIGSEGV) kill -SEGV $$ ;;
    out_of_memory) exec python3 -c 'print(len(bytearray(b"x") * (300 << 20)))' ;;
    slurmctld_restarted | half_cancelled__the_other)
        until [ -e "$SWEEP_DIR/go" ]; do sleep 0.2; done ;;
    resources)
        # Slurm samples memory once a second, so it is held for some.
        exec python3 -c '
import time
kept = bytearray(b"x") * (100 << 20)
while time.process_time() < 1.2: pass
time.sleep(3)' ;;
    *) exec sleep 600 ;;
esac
"#;
