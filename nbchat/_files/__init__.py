"""What a chat keeps on disk: saved chats, exports, the download."""
