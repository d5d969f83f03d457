"""The faults that need clusters: three mongods, three RabbitMQ nodes, and two or three of each service."""
