//! Several resources that want one account, in front of a played Organizations: what is in use stays open.

use std::{collections::BTreeSet, time::Duration};

use archipelago_tests::model::{
    organizations::{Contents, Organizations as Played, ROOT},
    stacks::{COPY, NEW, OLD, Stacks},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::*;

type Landing = Stacks<Accounts, Played>;

fn landing() -> Landing {
    let played = Played::default();
    played.begin(Contents::organization());
    Stacks::new(played, Accounts::new)
}

/// An account that is closed on delete.
fn app(more: &Value) -> Value {
    let mut properties = json!({"Name": "app", "Email": "app@example.com", "CloseOnDelete": true});
    for (name, value) in more.as_object().into_iter().flatten() {
        properties[name] = value.clone();
    }
    properties
}

fn adopting() -> Value {
    app(&json!({ "AdoptExisting": true }))
}

fn state(landing: &Landing, id: &str) -> &'static str {
    landing.played.contents().accounts[id].state(Instant::now())
}

#[tokio::test(start_paused = true)]
async fn an_account_under_another_logical_id_stays_open_if_the_refusal_s_advice_is_followed() {
    let landing = landing();
    let id = landing.create(OLD, &app(&json!({}))).await.unwrap();
    let refusal = landing.create(NEW, &app(&json!({}))).await.unwrap_err().to_string();
    assert!(refusal.contains("set `AdoptExisting` to true"), "{refusal}");
    assert_eq!(landing.create(NEW, &adopting()).await.unwrap(), id);
    landing.delete(OLD, &id, &app(&json!({}))).await;
    assert_eq!(state(&landing, &id), "ACTIVE");
    // It is that of the new one now, and is closed with it.
    landing.delete(NEW, &id, &adopting()).await;
    assert_ne!(state(&landing, &id), "ACTIVE");
}

#[tokio::test(start_paused = true)]
async fn a_rename_of_the_logical_id_that_is_rolled_back_leaves_the_account_as_it_was() {
    let landing = landing();
    let id = landing.create(OLD, &app(&json!({}))).await.unwrap();
    let before = format!("{:?}", landing.played.contents().accounts);
    landing.create(NEW, &adopting()).await.unwrap();
    landing.delete(NEW, &id, &adopting()).await;
    assert_eq!(format!("{:?}", landing.played.contents().accounts), before);
    // One that was refused before anything was made has nothing to take back, by whichever id.
    landing.create(NEW, &app(&json!({}))).await.unwrap_err();
    landing.delete(NEW, "landing-New-1ABCDEF", &app(&json!({}))).await;
    assert_eq!(format!("{:?}", landing.played.contents().accounts), before);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_three_resources_use_is_closed_with_the_last_of_them_whatever_the_order() {
    let all = [OLD, NEW, COPY];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let landing = landing();
        let id = landing.create(all[0], &adopting()).await.unwrap();
        for who in &all[1..] {
            assert_eq!(landing.create(*who, &adopting()).await.unwrap(), id);
        }
        for place in order {
            assert_eq!(state(&landing, &id), "ACTIVE", "{order:?}");
            landing.delete(all[place], &id, &adopting()).await;
        }
        assert_ne!(state(&landing, &id), "ACTIVE", "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retained_account_stays_open_under_its_next_logical_id() {
    let landing = landing();
    // No Delete follows: the template retains it.
    let id = landing.create(OLD, &app(&json!({}))).await.unwrap();
    assert_eq!(landing.create(NEW, &adopting()).await.unwrap(), id);
    landing.delete(NEW, &id, &adopting()).await;
    assert_eq!(state(&landing, &id), "ACTIVE");
}

#[tokio::test(start_paused = true)]
async fn of_two_that_use_an_account_neither_changes_it_until_it_is_alone() {
    let landing = landing();
    let unit = {
        let mut contents = Contents::organization();
        let unit = contents.make_unit(ROOT, "Apps", &[]);
        landing.played.begin(contents);
        unit
    };
    let tagged = |team: &str| json!({ "AdoptExisting": true, "Tags": [{ "Key": "team", "Value": team }] });
    let id = landing.create(OLD, &app(&tagged("a"))).await.unwrap();
    for different in [
        json!({ "Name": "web", "AdoptExisting": true }),
        json!({ "ParentId": unit, "AdoptExisting": true }),
        tagged("b"),
    ] {
        let refusal = landing.create(COPY, &app(&different)).await.unwrap_err().to_string();
        assert!(refusal.contains("is used by landing/Old as well"), "{refusal}");
        landing.delete(COPY, &id, &app(&different)).await;
    }
    landing.create(COPY, &adopting()).await.unwrap();
    for different in [json!({ "Name": "web" }), json!({ "ParentId": unit })] {
        let ended = landing.update(OLD, &id, &app(&different), &app(&json!({}))).await;
        let refusal = ended.map(|updated| updated.name).unwrap_err().to_string();
        assert!(refusal.contains("is used by copy/Old as well"), "{refusal}");
    }
    landing.delete(COPY, &id, &adopting()).await;
    let moved = app(&json!({ "Name": "web", "ParentId": unit }));
    assert_eq!(landing.update(OLD, &id, &moved, &app(&json!({}))).await.unwrap().name, "web");
    assert_eq!(landing.played.contents().accounts[&id].parent, unit);
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_while_another_leaves_has_an_open_account_or_is_refused() {
    let mut endings = BTreeSet::new();
    for delay in (0..900).step_by(15) {
        let landing = landing();
        let id = landing.create(OLD, &adopting()).await.unwrap();
        let last = adopting();
        let desired = adopting();
        let comes = async {
            sleep(Duration::from_millis(delay)).await;
            landing.create(NEW, &desired).await
        };
        let leaves = async {
            sleep(Duration::from_millis(300)).await;
            landing.delete(OLD, &id, &last).await;
        };
        let ((), came) = tokio::join!(leaves, comes);
        assert_eq!(came.is_ok(), state(&landing, &id) == "ACTIVE", "{delay} ms later: {came:?}");
        endings.insert(came.is_ok());
    }
    assert_eq!(endings.len(), 2, "both endings were seen");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_was_left_on_purpose_is_closed_with_nobody_who_adopts_it_later() {
    let landing = landing();
    let kept = app(&json!({ "CloseOnDelete": false }));
    let id = landing.create(OLD, &kept).await.unwrap();
    landing.delete(OLD, &id, &kept).await;
    // The stack that adopts it is rolled back.
    assert_eq!(landing.create(COPY, &adopting()).await.unwrap(), id);
    landing.delete(COPY, &id, &adopting()).await;
    assert_eq!(state(&landing, &id), "ACTIVE");
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_first_user_leaves_is_still_that_of_the_others() {
    let landing = landing();
    let kept = app(&json!({ "CloseOnDelete": false }));
    let id = landing.create(OLD, &kept).await.unwrap();
    landing.create(NEW, &adopting()).await.unwrap();
    landing.delete(OLD, &id, &kept).await;
    landing.delete(NEW, &id, &adopting()).await;
    assert_ne!(state(&landing, &id), "ACTIVE");
}
