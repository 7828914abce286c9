//! Any bytes as a manifest or as the intent of a batch: refused, or read to what is written the same again.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sweep_core::batch::Intent;
use sweep_core::manifest::Manifest;
use sweep_core::schema::{self, CURRENT};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("f");
    if let Ok(manifest) = Manifest::parse(path, bytes) {
        assert_eq!(manifest.schema.major, CURRENT.major);
        let json = serde_json::to_string(&manifest).expect("texts and numbers always serialize");
        let back = Manifest::parse(path, json.as_bytes()).expect("our own manifest reads back");
        assert_eq!(serde_json::to_string(&back).expect("as before"), json);
    }
    if let Ok(intent) = Intent::parse(path, bytes) {
        assert_eq!(intent.schema.major, CURRENT.major);
        let json = serde_json::to_vec(&intent).expect("texts and numbers always serialize");
        assert_eq!(Intent::parse(path, &json).expect("our own intent reads back"), intent);
        let _ = intent.trials.count();
    }
    let _ = schema::check_json(path, bytes);
});
