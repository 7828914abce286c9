"""What the W&B files beside this one run: prints what it was given. It needs no W&B."""

import json
import os
import sys

print(json.dumps({"argv": sys.argv[1:], "params": json.loads(os.environ.get("SWEEP_PARAMS", "{}"))}))
