//! Finds the Slurm release that the plugin is built for, and has the compiler check that the installed headers
//! agree with the SPANK interface that the plugin assumes. A build without headers or libclang works and says so.

use std::path::{Path, PathBuf};
use std::{env, fs, panic};

/// What the checks and the version need from Slurm's headers.
const NEEDED_NUMBERS: [&str; 7] = [
    "SLURM_VERSION_NUMBER",
    "SLURM_BATCH_SCRIPT",
    "SLURM_EXTERN_CONT",
    "SLURM_INTERACTIVE_STEP",
    "NO_VAL",
    "SPANK_OPTION_MAXLEN",
    "ESPANK_SUCCESS",
];
const NEEDED_TYPES: [&str; 4] = ["spank_option", "spank_item", "spank_context", "slurm_err_t"];

/// Set where a build that cannot compare the headers has failed its purpose.
const REQUIRED: &str = "SWEEP_REQUIRE_SLURM_HEADERS";

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let wrapper = Path::new("../include/spank_wrapper.h");
    println!("cargo:rerun-if-changed={}", wrapper.display());
    println!("cargo:rerun-if-changed={}/exports.map", env!("CARGO_MANIFEST_DIR"));
    println!("cargo:rerun-if-env-changed=SWEEP_SLURM_VERSION");
    println!("cargo:rerun-if-env-changed=SLURM_INCLUDE_DIR");
    println!("cargo:rerun-if-env-changed={REQUIRED}");
    println!("cargo:rustc-check-cfg=cfg(slurm_headers)");
    // Unit tests are programs, and spank_* live in Slurm's own programs only; no unit test calls them.
    println!("cargo:rustc-link-arg=-Wl,--unresolved-symbols=ignore-all");

    let exports = concat!(env!("CARGO_MANIFEST_DIR"), "/exports.map");
    println!("cargo:rustc-cdylib-link-arg=-Wl,--version-script={exports}");

    // The unwinder comes along instead of from libgcc_s.so: one library less to load into every sbatch and step,
    // a tenth of what the plugin costs them.
    if env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu") {
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
        serve_old_glibc();
    }

    let headers = read_headers(wrapper);
    assert!(
        headers.is_some() || env::var_os(REQUIRED).is_none(),
        "Slurm's headers are to be compared and cannot be read"
    );
    if let Some(text) = &headers {
        fs::write(out.join("headers.rs"), text).expect("OUT_DIR is writable");
        println!("cargo:rustc-cfg=slurm_headers");
    }
    let expression = match env::var("SWEEP_SLURM_VERSION") {
        Ok(version) => format!("{:#08x}", parse_version(&version)),
        Err(_) if headers.is_some() => "headers::SLURM_VERSION_NUMBER".to_owned(),
        Err(_) => {
            println!(
                "cargo:warning=the plugin gets slurm-spank's own Slurm version: set SWEEP_SLURM_VERSION"
            );
            "sys::SLURM_VERSION_NUMBER".to_owned()
        }
    };
    fs::write(out.join("version.rs"), expression).expect("OUT_DIR is writable");
}

/// Links what lets the .so load where glibc is older than here. Not for the rlib: a program that is tested or fuzzed
/// keeps its own C library whole.
fn serve_old_glibc() {
    const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/old_glibc.c");
    println!("cargo:rerun-if-changed={SOURCE}");
    let machine = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets CARGO_CFG_TARGET_ARCH");
    if !matches!(machine.as_str(), "x86_64" | "aarch64") {
        println!("cargo:warning=on {machine} the plugin needs a glibc that is as new as this machine's");
        return;
    }
    let mut build = cc::Build::new();
    build.file(SOURCE).std("gnu11").warnings(true).extra_warnings(true).warnings_into_errors(true);
    // The names are glibc's own, which a compiler must not take for its builtins.
    build.flag("-fno-builtin").flag("-fvisibility=hidden").pic(true).opt_level(2).cargo_metadata(false);
    for object in build.compile_intermediates() {
        println!("cargo:rustc-cdylib-link-arg={}", object.display());
    }
}

/// Slurm's number of a release such as `24.11.5`: `0xMMmmpp` with each part in binary.
fn parse_version(text: &str) -> u32 {
    let parts: Option<Vec<u32>> =
        text.split('.').map(|part| part.parse::<u8>().ok().map(u32::from)).collect();
    match parts.as_deref() {
        Some([major, minor]) => major << 16 | minor << 8,
        Some([major, minor, micro]) => major << 16 | minor << 8 | micro,
        _ => panic!("SWEEP_SLURM_VERSION must be like 24.11.5, not `{text}`"),
    }
}

/// The headers as Rust, or none with a warning where they or libclang are missing.
fn read_headers(wrapper: &Path) -> Option<String> {
    let include = env::var_os("SLURM_INCLUDE_DIR").map(PathBuf::from);
    let looked_in = include.clone().unwrap_or_else(|| "/usr/include".into());
    let spank = looked_in.join("slurm/spank.h");
    if !spank.is_file() {
        println!("cargo:warning=no Slurm headers in {}: their checks are left out", looked_in.display());
        return None;
    }
    println!("cargo:rerun-if-changed={}", spank.display());
    let mut builder = bindgen::Builder::default()
        .header(wrapper.to_str().expect("a path of ours"))
        .clang_args(include.map(|dir| format!("-I{}", dir.display())))
        .layout_tests(false)
        .generate_comments(false);
    builder = NEEDED_NUMBERS.iter().fold(builder, |builder, name| builder.allowlist_var(name));
    builder = NEEDED_TYPES.iter().fold(builder, |builder, name| builder.allowlist_type(name));
    // bindgen panics where libclang cannot be loaded; a header that it cannot parse is an error of its own.
    match panic::catch_unwind(panic::AssertUnwindSafe(|| builder.generate())) {
        Ok(Ok(bindings)) => Some(bindings.to_string()),
        Ok(Err(error)) => panic!("cannot read {}: {error}", spank.display()),
        Err(_) => {
            println!("cargo:warning=libclang is missing: Slurm's headers are not checked");
            None
        }
    }
}
