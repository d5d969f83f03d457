"""`cqrs doctor`: what is wrong with an installation. Facts are gathered here, rules over them are pure."""
