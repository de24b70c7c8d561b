print("farebox")
