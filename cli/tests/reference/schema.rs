//! The forms of JSON as JSON Schema (draft 2020-12), made of the same reading of the types as the pages, and real output
//! held against them. A schema never forbids a member that it does not know: a later release may write more.

use serde_json::{Map, Value, json};

use super::forms::{Form, LEAVES, bare, find, inner, listed, place, title};
use super::source::{Member, Type};

/// The schema of a form.
pub fn of((_, heading, file, name): &Form) -> Value {
    let mut parts = Parts::default();
    let of = find(name, file);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": heading.replace('`', ""),
        "description": of.doc,
    });
    let shape = parts.shape(of);
    schema.as_object_mut().unwrap().extend(shape);
    while let Some((name, file)) = parts.open.pop() {
        let of = find(&name, &file);
        let mut part = Map::new();
        part.insert("description".into(), of.doc.clone().into());
        part.extend(parts.shape(of));
        parts.done.insert(title(&name, &file), part.into());
    }
    if !parts.done.is_empty() {
        schema["$defs"] = parts.done.into();
    }
    schema
}

/// The types that a schema is made of.
#[derive(Default)]
struct Parts {
    known: Vec<(String, String)>,
    open: Vec<(String, String)>,
    done: Map<String, Value>,
}

impl Parts {
    fn shape(&mut self, of: &Type) -> Map<String, Value> {
        let shape = if of.variants.is_empty() {
            self.object(&of.members, of, None)
        } else if let Some(tag) = &of.tag {
            let variants = of.variants.iter().map(|(name, variant)| {
                let mut one = self.object(&variant.members, of, Some((tag, name)));
                one["description"] = variant.doc.clone().into();
                one
            });
            json!({"type": "object", "oneOf": variants.collect::<Vec<_>>()})
        } else {
            self.choice(of)
        };
        shape.as_object().unwrap().clone()
    }

    /// One of several words, or an object whose one member has the variant's name.
    fn choice(&mut self, of: &Type) -> Value {
        let (words, objects): (Vec<_>, Vec<_>) =
            of.variants.iter().partition(|(_, variant)| variant.members.is_empty());
        let words: Vec<_> = words.into_iter().map(|(name, _)| name.clone()).collect();
        if objects.is_empty() {
            return json!({"type": "string", "enum": words});
        }
        let mut all = Vec::new();
        if !words.is_empty() {
            all.push(json!({"type": "string", "enum": words}));
        }
        for (name, variant) in objects {
            let inside = match variant.members.as_slice() {
                [one] if one.name.is_empty() => self.kind(&one.kind, of),
                members => self.object(members, of, None),
            };
            all.push(json!({"type": "object", "properties": {name: inside}, "required": [name]}));
        }
        json!({"anyOf": all})
    }

    fn object(&mut self, members: &[Member], within: &Type, tag: Option<(&String, &String)>) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        if let Some((tag, name)) = tag {
            properties.insert(tag.clone(), json!({"const": name}));
            required.push(tag.clone());
        }
        let flat = members.iter().filter(|member| member.is_flat);
        let flat: Vec<_> = flat.map(|member| find(bare(&member.kind), &within.file)).collect();
        let own = members.iter().filter(|member| !member.is_flat).map(|member| (member, within));
        let flat = flat.into_iter().flat_map(|of| of.members.iter().map(move |member| (member, of)));
        for (member, within) in own.chain(flat) {
            let present = inner(&member.kind, "Option").filter(|_| member.is_optional);
            let mut one = self.kind(present.unwrap_or(&member.kind), within);
            if !member.doc.is_empty() {
                one["description"] = member.doc.clone().into();
            }
            properties.insert(member.name.clone(), one);
            if !member.is_optional {
                required.push(member.name.clone());
            }
        }
        json!({"type": "object", "properties": properties, "required": required})
    }

    fn kind(&mut self, kind: &str, within: &Type) -> Value {
        let kind = bare(kind);
        if let Some(kind) = inner(kind, "Option") {
            return json!({"anyOf": [self.kind(kind, within), {"type": "null"}]});
        }
        if let Some(kind) = listed(kind) {
            return json!({"type": "array", "items": self.kind(kind, within)});
        }
        if let Some(kinds) = inner(kind, "BTreeMap") {
            let (_, kind) = kinds.split_once(", ").unwrap();
            return json!({"type": "object", "additionalProperties": self.kind(kind, within)});
        }
        if let Some((_, word)) = LEAVES.iter().find(|(leaf, _)| *leaf == kind) {
            return match word.split(' ').next().unwrap() {
                "text" => json!({"type": "string"}),
                "number" if kind == "f64" => json!({"type": "number"}),
                "number" => json!({"type": "integer"}),
                "true" => json!({"type": "boolean"}),
                "any" => json!({}),
                _ => json!({"type": "object"}),
            };
        }
        let file = place(kind, &within.file).unwrap();
        let part = (kind.to_owned(), file.to_owned());
        if !self.known.contains(&part) {
            self.known.push(part.clone());
            self.open.push(part);
        }
        json!({"$ref": format!("#/$defs/{}", title(kind, file))})
    }
}

/// Holds a value against a schema of ours, as far as ours go.
pub fn hold(schema: &Value, value: &Value) {
    assert_eq!(misfit(schema, schema, value, "$"), None, "{value:#}");
}

/// Where a value does not fit, and why.
fn misfit(root: &Value, schema: &Value, value: &Value, place: &str) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let part = &root["$defs"][name.strip_prefix("#/$defs/").unwrap()];
        assert!(part.is_object(), "{place}: no part `{name}`");
        return misfit(root, part, value, place);
    }
    let fits = match schema["type"].as_str() {
        None => true,
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(other) => panic!("{place}: a schema of ours says `{other}`"),
    };
    let is_word = schema["enum"].as_array().is_none_or(|words| words.contains(value));
    let is_tag = schema.get("const").is_none_or(|word| word == value);
    if !(fits && is_word && is_tag) {
        return Some(format!("{place}: {value} is not as {schema} says"));
    }
    for several in ["anyOf", "oneOf"] {
        let Some(choices) = schema[several].as_array() else { continue };
        let misfits: Vec<_> = choices.iter().filter_map(|one| misfit(root, one, value, place)).collect();
        let fitting = choices.len() - misfits.len();
        if fitting == 0 || (several == "oneOf" && fitting > 1) {
            return Some(format!("{place}: {fitting} of {several} fit: {}", misfits.join("; ")));
        }
    }
    if let (Some(items), Some(of)) = (value.as_array(), schema.get("items")) {
        let mut places = items.iter().enumerate();
        return places.find_map(|(at, item)| misfit(root, of, item, &format!("{place}[{at}]")));
    }
    let object = value.as_object()?;
    let mut required = schema["required"].as_array().into_iter().flatten();
    if let Some(missing) = required.find(|name| !object.contains_key(name.as_str().unwrap())) {
        return Some(format!("{place}: {missing} is missing"));
    }
    object.iter().find_map(|(name, value)| {
        let own = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
        own.and_then(|own| misfit(root, own, value, &format!("{place}.{name}")))
    })
}
