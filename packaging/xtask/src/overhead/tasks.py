"""Runs a command so many times as tasks of HyperQueue, on this machine: how long it took, in seconds."""

import os
import sys
import tempfile
import time

from hyperqueue import Job
from hyperqueue.cluster import LocalCluster, WorkerConfig

count, slots, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder, LocalCluster() as cluster:
    cluster.start_worker(WorkerConfig(cores=slots))
    client = cluster.client()
    job = Job(default_workdir=folder)
    for _ in range(count):
        job.program(argv)
    began = time.monotonic()
    submitted = client.submit(job)
    client.wait_for_jobs([submitted])
    print(f"took {time.monotonic() - began}")
