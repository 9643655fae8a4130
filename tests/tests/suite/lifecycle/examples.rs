//! The examples of the types' pages, as they are written there.

use std::fs;

use archipelago_tests::binary::workspace;
use tokio::task::{JoinSet, LocalSet};

use super::{Stack, unique};
use crate::network::sharing;

const ANY_ACCOUNT: &str = "700123456789";

#[tokio::test]
async fn the_example_of_each_page_comes_and_goes() {
    sharing().await;
    let (here, mut lives) = (LocalSet::new(), JoinSet::new());
    for file in fs::read_dir(workspace().join("docs/examples")).unwrap() {
        let example = fs::read_to_string(file.unwrap().path()).unwrap();
        let life = async move {
            let stack = Stack::create_as_written(&example, &parameters(&example), "CREATE_COMPLETE").await;
            stack.delete("DELETE_COMPLETE").await;
        };
        lives.spawn_local_on(life, &here);
    }
    assert!(!lives.is_empty());
    here.run_until(async {
        while let Some(life) = lives.join_next().await {
            life.unwrap();
        }
    })
    .await;
}

/// What a reader has to say: no example names an account or a mailbox by itself.
fn parameters(example: &str) -> Vec<(&'static str, String)> {
    let values = [("Account", ANY_ACCOUNT.to_owned()), ("Email", format!("{}@landing.test", unique("aws")))];
    let parameters = example.split("\nResources:").next().unwrap();
    values.into_iter().filter(|(name, _)| parameters.contains(&format!("\n  {name}:\n"))).collect()
}
