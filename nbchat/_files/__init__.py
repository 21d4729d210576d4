"""What is kept on disk: saved chats, exports, the download."""
