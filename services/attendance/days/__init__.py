"""在岗日: what a day was by the rules, with the explanation, provisional until nothing more can come."""
