"""The shapes of answers: what people are shown, as the contract describes it and the type checker holds queries to."""
