from crayai import hpo
from crayai.hpo import condition

evaluator = hpo.Evaluator('python3 source/train.py', nodes=4, workload_manager='pbs', num_retries=1)

my_params = hpo.Params([['--learning_rate', 1e-4, (1e-6, 1)]
                        ['--dropout_rate', (0.1, 1)],
                        ['--optimizer', 'sgd', ['sgd', 'gd', 'adam']]])

conditions = [condition.equals('--dropout_rate', '--optimizer', 'sgd')]

optimizer = hpo.GeneticOptimizer(evaluator, generations=3, num_demes=2, pop_size=4, verbose=True)
optimizer.optimize(my_params)
