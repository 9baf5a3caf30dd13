"""The story: 1,259 万元 of real public money, from the fund document to a registered asset, told over HTTP."""
