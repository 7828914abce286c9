//! The plugin as a file: what it is stamped for, whether a Slurm can load it, and putting it where Slurm finds it.
//! Never code of the plugin's is run here, and nothing of Slurm's is written to but its list of plugins.

pub mod change;
pub mod fit;
pub mod host;
pub mod image;
pub mod install;
pub mod nodes;
pub mod place;
pub mod plugstack;
pub mod receipt;
pub mod release;
pub mod undo;
pub mod verify;
