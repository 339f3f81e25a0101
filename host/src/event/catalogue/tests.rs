//! The built-in types keep what they promise.

use expect_test::expect;

use super::*;
use crate::event::Validator;

fn catalogue() -> Catalogue {
    Catalogue::load().expect("the files are good")
}

fn schema(built_in: &BuiltIn) -> &Value {
    built_in.definition.schema.as_ref().expect("a built-in type has a schema")
}

fn example(built_in: &BuiltIn) -> Object {
    let example = built_in.definition.example.as_ref().expect("a built-in type has an example");
    example.as_object().expect("data are an object").clone()
}

#[test]
fn the_catalogue_is_complete() {
    let catalogue = catalogue();
    let names: String = catalogue
        .iter()
        .map(|built_in| format!("{}{}\n", built_in.definition.name, if built_in.operational { " *" } else { "" }))
        .collect();
    expect![[r#"
        call_missed
        call_ringing
        campaign.create
        campaign.delete
        campaign.email.bounce
        campaign.email.click
        campaign.email.open
        campaign.email.reply
        campaign.email.sent
        campaign.email.unsubscribe
        campaign.update
        delivery.failed *
        endpoint.disabled *
        endpoint.paused *
        endpoint.recovered *
        lead.create
        lead.delete
        lead.email.new
        lead.linkedin.new
        lead.list.update
        lead.note.create
        lead.note.delete
        lead.note.update
        lead.status.update
        lead.tags.update
        lead.task.create
        lead.task.delete
        lead.task.update
        lead.track
        lead.twitter.new
        lead.update
        list.create
        list.delete
        list.update
        meeting.booked
        meeting.cancelled
        meeting.rescheduled
        message_received
        plugin.quarantined *
        plugin.recovered *
        status.create
        status.delete
        status.update
        tag.create
        tag.delete
        tag.update
    "#]]
    .assert_eq(&names);
}

#[test]
fn every_example_fits_its_schema() {
    for built_in in catalogue().iter() {
        let name = &built_in.definition.name;
        let validator = Validator::compile(schema(built_in)).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(validator.check(&Value::Object(example(built_in))), Ok(()), "{name}");
    }
}

#[test]
fn the_members_of_an_example_are_those_that_the_schema_requires() {
    for built_in in catalogue().iter() {
        let (name, example) = (&built_in.definition.name, example(built_in));
        let mut strict = schema(built_in).clone();
        strict.as_object_mut().expect("an object").insert("unevaluatedProperties".to_owned(), json!(false));
        let validator = Validator::compile(&strict).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(validator.check(&Value::Object(example.clone())), Ok(()), "{name}");
        let validator = Validator::compile(schema(built_in)).expect("compiles");
        for member in example.keys() {
            let mut without = example.clone();
            without.remove(member);
            let found = validator.check(&Value::Object(without)).expect_err("every member of ours is required");
            assert!(found[0].reason.contains(member.as_str()), "{name}: {member}: {found:?}");
        }
    }
}

#[test]
fn an_example_that_is_like_another_names_one_that_exists() {
    for (file, text) in FILES {
        let family = read(file, text).expect("a good file");
        for (name, entry) in &family.types {
            let base = entry.like.as_ref().map(|like| family.types.get(like));
            assert!(base.is_none_or(|base| base.is_some_and(|base| base.like.is_none())), "{file}: {name}");
        }
    }
}

#[test]
fn a_lead_has_the_fields_of_le3_and_unset_ones_are_null() {
    let catalogue = catalogue();
    let lead = catalogue.get("lead.create").expect("built in");
    let members: Vec<String> = example(lead).keys().cloned().collect();
    let le3 = "id email company notes phone linkedin_url created_at updated_at first_name last_name icebreaker \
        icebreaker_2 icebreaker_3 icebreaker_4 website_url timezone city company_role twitter_name avatar_url \
        email_bounce_score twitter_company_name is_deleted is_deleted_at custom_fields custom_fields_schema order \
        contract_value is_tracked id_import_task id_linkedin_company id_linkedin id_space id_twitter_company id_twitter";
    assert_eq!(members.join(" "), le3);
    let set = ["id", "created_at", "updated_at", "is_deleted", "is_tracked", "id_space"];
    let mut data: Object = example(lead).into_iter().filter(|(name, _)| set.contains(&name.as_str())).collect();
    let validator = Validator::compile(schema(lead)).expect("compiles");
    assert!(validator.check(&Value::Object(data.clone())).is_err(), "unset fields are not left out");
    lead.complete(&mut data);
    assert_eq!(validator.check(&Value::Object(data.clone())), Ok(()));
    assert_eq!((data.len(), &data["email"]), (35, &Value::Null));
}

#[test]
fn completing_changes_nothing_that_is_there() {
    for built_in in catalogue().iter() {
        let whole = example(built_in);
        let mut data = whole.clone();
        built_in.complete(&mut data);
        assert_eq!(data, whole, "{}", built_in.definition.name);
    }
}

#[test]
fn a_schema_stands_alone_with_what_it_uses() {
    let catalogue = catalogue();
    let schema = schema(catalogue.get("endpoint.paused").expect("built in"));
    let definitions: Vec<&String> = schema["$defs"].as_object().expect("an object").keys().collect();
    assert_eq!(definitions, ["time", "text-or-null", "endpoint", "failure", "stopped"]);
    assert_eq!((&schema["title"], &schema["$ref"]), (&json!("endpoint.paused"), &json!("#/$defs/stopped")));
}

#[test]
fn a_notification_of_another_type_does_not_fit() {
    let catalogue = catalogue();
    let missed = catalogue.get("call_missed").expect("built in");
    let ringing = example(catalogue.get("call_ringing").expect("built in"));
    let found = Validator::compile(schema(missed)).expect("compiles").check(&Value::Object(ringing));
    let found: Vec<_> = found.expect_err("another type").into_iter().map(|finding| finding.pointer).collect();
    assert_eq!(found, ["/eventType"]);
}
