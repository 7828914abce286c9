#!/bin/sh
# One task of a sweep: $1 the sweep command, $2 the sweep directory, $3 the batch, $4 the trial.
if ! [ -x "$1" ]; then
    echo "error: \`$1\` is not there on node ${SLURMD_NODENAME:-$(uname -n)}" >>"$2/batches/$3.${SLURM_ARRAY_TASK_ID:-0}.err"
    exit 74
fi
exec "$1" exec "$2" "$3" "$4"
