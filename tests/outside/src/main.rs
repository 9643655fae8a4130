//! `Custom::TableItem`: an item in a DynamoDB table, such as a setting that an application reads.

mod item;

use aws_sdk_dynamodb::Client;
use custom_resource::Server;
use item::Items;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let items = Server::new().resource("Custom::TableItem", async |aws| Ok(Items::new(Client::new(aws))));
    items.metrics("TableItems").run().await
}
