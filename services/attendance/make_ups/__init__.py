"""Make-up requests for missed check-ins (补卡): witness, approval."""
