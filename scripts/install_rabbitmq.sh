#!/bin/sh
# Install RabbitMQ on Debian or Ubuntu (as root; about 35 MB): the stack runs a private node of its own.
exec "$(dirname "$0")/install_quietly.sh" rabbitmq-server
