//! The plugin's readers come with calls of Slurm's that live in Slurm's own programs only; no target makes one.

fn main() {
    println!("cargo:rustc-link-arg=-Wl,--unresolved-symbols=ignore-all");
}
