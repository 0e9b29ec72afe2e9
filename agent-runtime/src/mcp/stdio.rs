//! MCP over stdio: one client, which started this process and ends it by closing its input.

use rmcp::ServiceExt;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::stdio_pipes;
use skreaver_protocol::rest::BODY_LIMIT;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::McpServer;

/// Why a server over stdio ended early.
#[derive(Debug, thiserror::Error)]
#[error("the MCP client and this server do not understand each other: {0}")]
pub struct StdioError(String);

impl McpServer {
    /// Serves the client on standard input and output until it closes them. Nothing else may write to standard output.
    ///
    /// # Errors
    /// [`StdioError`], where the client does not begin as MCP does.
    pub async fn serve_stdio(self) -> Result<(), StdioError> {
        let (input, output) = stdio_pipes();
        self.serve(input, output).await
    }

    /// As [`McpServer::serve_stdio`], on other streams.
    ///
    /// # Errors
    /// [`StdioError`], where the client does not begin as MCP does.
    pub async fn serve<I, O>(self, input: I, output: O) -> Result<(), StdioError>
    where
        I: AsyncRead + Send + Unpin + 'static,
        O: AsyncWrite + Send + Unpin + 'static,
    {
        let runtime = std::sync::Arc::clone(&self.0.runtime);
        let over = CancellationToken::new();
        let told = async {
            let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(BODY_LIMIT);
            let outcome = self.talk(transport).await;
            over.cancel();
            outcome
        };
        let (outcome, ()) = tokio::join!(told, runtime.work(over.clone()));
        outcome
    }

    async fn talk<I, O>(self, transport: AsyncRwTransport<rmcp::RoleServer, I, O>) -> Result<(), StdioError>
    where
        I: AsyncRead + Send + Unpin + 'static,
        O: AsyncWrite + Send + Unpin + 'static,
    {
        use rmcp::service::ServerInitializeError::ConnectionClosed;
        let running = match self.0.serve(transport).await {
            Ok(running) => running,
            // A client that says nothing has asked for nothing.
            Err(ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(StdioError(error.to_string())),
        };
        running.waiting().await.map(|_| ()).map_err(|error| StdioError(error.to_string()))
    }
}
