"""Tracking: from a box in one frame to an object's mask in every frame."""
