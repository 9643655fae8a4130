//! Installing from a release and uninstalling, by the commands of the README and with nothing but the release.

use archipelago_tests::binary::workspace;
use archipelago_tests::folder::Folder;
use archipelago_tests::local_aws::LocalAws;
use serde_json::json;

use super::account::Account;
use crate::lifecycle::organization::some_account;
use crate::lifecycle::template;

/// The first commands of the README's section on installing, and those on uninstalling: they ask nobody here.
fn commands() -> (String, String) {
    let readme = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let (_, section) = readme.split_once("\n## Install\n").unwrap();
    let (install, uninstall) = section.split_once("**To uninstall**").unwrap();
    let (_, install) = install.split_once("```sh\n").unwrap();
    let install = install.split("```").next().unwrap().replace("sam deploy", "sam deploy --no-confirm-changeset");
    let uninstall = uninstall.split('`').find(|words| words.starts_with("sam delete")).unwrap();
    (install.replace("arm64", architecture()), uninstall.replace("sam delete", "sam delete --no-prompts"))
}

/// The processor of this machine, for which the functions are built, in Lambda's words.
fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}

#[tokio::test]
async fn a_release_is_installed_without_a_compiler_and_a_stack_that_lost_its_functions_gets_them_back() {
    let local = LocalAws::running();
    let account = Account(some_account());
    let release = Folder::new("release");
    local.release(&release).await.unwrap();
    let (install, uninstall) = commands();
    let run = async |commands: &str| {
        let script = format!("cd \"$RELEASE\"\n{commands}");
        local.shell_as(&account.0, &script, &[("RELEASE", release.to_str().unwrap())]).await
    };
    run(&install).await.unwrap();

    account.aws(&["ecr", "create-repository", "--repository-name", "app"]).await;
    let pull = |token: serde_json::Value| {
        let statement = json!({ "Effect": "Allow", "Principal": { "AWS": account.0 }, "Action": "ecr:BatchGetImage" });
        let properties = json!({ "ServiceToken": token, "RepositoryName": "app", "Statement": statement });
        template(&json!({ "Pull": { "Type": "Custom::EcrPolicyStatement", "Properties": properties } }), &[])
            .to_string()
    };
    let imported = pull(json!({ "Fn::ImportValue": "archipelago-ecr-policy-statement" }));
    account.create_as_written("importing", &imported, &[], "CREATE_COMPLETE").await;
    let arn = &account.outputs("archipelago").await["EcrPolicyStatement"];
    account.create_as_written("naming", &pull(json!(arn)), &[], "CREATE_COMPLETE").await;

    let refused = run(&uninstall).await.unwrap_err();
    assert!(refused.contains("imported by stack importing"), "{refused}");
    account.delete("importing").await;
    run(&uninstall).await.unwrap();
    // What the functions know of their statements and of callers outlives them, and nobody deletes it by mistake.
    let tables = account.aws(&["dynamodb", "list-tables"]).await;
    let names: Vec<_> = tables["TableNames"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for (table, begins) in names.into_iter().zip(["archipelago-CallerTable-", "archipelago-Ledger-"]) {
        assert!(table.starts_with(begins), "{table}");
        let refused = local.aws_as(&account.0, &["dynamodb", "delete-table", "--table-name", table]).await.unwrap_err();
        assert!(refused.contains("protected against deletion"), "{refused}");
    }
    account.aws(&["cloudformation", "delete-stack", "--stack-name", "naming"]).await;
    account.reaches("naming", "DELETE_FAILED").await;
    run(&install).await.unwrap();
    account.delete("naming").await;
    run(&uninstall).await.unwrap();
}
