"""What a chat keeps outside the kernel: saved chats, exports, the last reply as a download."""
