"""Real MongoDB, real RabbitMQ and every service on this machine, for development and tests."""
