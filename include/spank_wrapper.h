/* What plugin/build.rs lets bindgen read, to find a Slurm's version and to check that its SPANK interface is the
 * one that the plugin is built for. Nothing else includes this file. */
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <slurm/spank.h>
