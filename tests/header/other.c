/* A second file of the same program. */
#include "sweep.h"

#ifdef __cplusplus
extern "C"
#endif
double other_file(const char *name);

double other_file(const char *name) { return sweep_double(name, 0.5); }
