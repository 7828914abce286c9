#!/bin/bash
#SBATCH --job-name=iris
#SBATCH --time=00:05:00
#SBATCH --mem=200M
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#
# A plain batch script: it never calls `sweep`, and nothing in it names a sweep directory. On a
# cluster with the plugin, from this folder:
#
#   sbatch --sweep-dir=.sweeps/SWEEP --array=0-11 train.sh           # SWEEP as `sweep init` prints it
#   sbatch --sweep-set=lr=0.1,batch_size=8,l2=0.001 train.sh         # one run, no sweep directory
set -eu

# Slurm runs a copy of this script from its spool directory, so $0 does not say where train.py is.
# Outside Slurm (`bash train.sh`) the current directory is used.
cd "${SLURM_SUBMIT_DIR:-.}"

# The plugin has put each parameter into the environment under its own name. `:-` keeps the script
# usable without the plugin: train.py then takes its defaults.
echo "script: trial=${SWEEP_TRIAL:-none} lr=${lr:-} batch_size=${batch_size:-} l2=${l2:-}"

# No options: train.py reads lr, batch_size and l2 from the environment, and writes its metrics to
# $SWEEP_METRICS where that is set.
python3 train.py

# A job step sees the same variables, on whichever node it runs. Single quotes, so that the step
# expands them and not this script.
if [ -n "${SLURM_JOB_ID:-}" ]; then
    srun --ntasks=1 bash -c \
        'echo "step: trial=${SWEEP_TRIAL:-none} lr=${lr:-} batch_size=${batch_size:-} l2=${l2:-}"'
fi
