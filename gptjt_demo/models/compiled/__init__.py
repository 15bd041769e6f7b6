"""A whole step of a Llama or a GPT-J, compiled for the processor that it runs on."""
