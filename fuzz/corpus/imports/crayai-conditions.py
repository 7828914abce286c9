from crayai import hpo
from crayai.hpo import condition

evaluator = hpo.Evaluator('python source/sin.py', metric='loss: ', checkpoint='ckpt', alloc_args='-C haswell')
params = hpo.Params([["-a", 1.0, (1, 10.0)],
                     ["-b", 1.0, (1, 10.0)],
                     ["-c", 1.0, (1, 10.0)]])
conditions = [condition.greater_than('-b', '-a', 2),
              condition.less_than('-b', '-c', 3)]
optimizer = hpo.RandomOptimizer(evaluator, num_iters=40)
